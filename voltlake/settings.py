"""What the front door reads of its surroundings, once: the environment goes in here and nowhere else."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from contracts.errors import Terminal

PROCESS_PREFIXES = ("GATEWAY_", "INGEST_", "FLOW_", "UPKEEP_", "DASHBOARD_", "SIMULATOR_", "NOTIFY_")
PROJECT = Path(__file__).resolve().parent.parent
DEPLOY = PROJECT / "deploy"


class Surroundings(msgspec.Struct, frozen=True):
    """`cache`: what several stacks share, outside of the tree. `search`: folders where programs are looked for.

    `environ` is what a child process starts from: without the settings of our own processes, which a stack gives itself,
    and with our packages on Python's path, whatever the working folder is. `notify`: where to tell people of alerts, if anywhere.
    """

    cache: Path
    search: str
    environ: dict[str, str]
    notify: dict[str, str] = {}


def surroundings(environ: Mapping[str, str]) -> Surroundings:
    """Read the environment. Raises Terminal where there is no folder for the cache."""
    home, given = environ.get("HOME", ""), environ.get("XDG_CACHE_HOME", "")
    if not given and not home:
        raise Terminal("neither HOME nor XDG_CACHE_HOME is set: set XDG_CACHE_HOME to a folder for what is downloaded")
    cache = Path(given or Path(home) / ".cache") / "voltlake"
    # Debian keeps servers in sbin, which the path of a plain user often lacks.
    search = ":".join([environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    kept = {name: value for name, value in environ.items() if not name.startswith(PROCESS_PREFIXES)}
    given_path = environ.get("PYTHONPATH", "")
    kept["PYTHONPATH"] = f"{PROJECT}:{given_path}" if given_path else str(PROJECT)
    return Surroundings(cache, search, kept, {name: value for name, value in environ.items() if name.startswith("NOTIFY_")})
