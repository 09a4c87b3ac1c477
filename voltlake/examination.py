"""What this machine has of what a stack needs: one finding each, with what to do where something is missing."""

import importlib.metadata
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
from packaging.requirements import Requirement

from contracts.errors import Broken
from voltlake.settings import DEPLOY, PROJECT, Surroundings
from voltlake.stack import jars, programs, record
from voltlake.stack.composition import LEAST_FREE_BYTES, check_disk
from voltlake.stack.layout import Layout
from voltlake.stack.locking import holder
from voltlake.stack.ports import is_free


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at. `prevents`: a stack cannot start before it is mended."""

    name: str
    well: bool
    said: str
    prevents: bool = False


def examine(data: Path, around: Surroundings, dashboard_port: int) -> list[Finding]:
    """All findings, in the order in which a start meets them."""
    return [
        _python(),
        _packages(),
        _asked("java", lambda: _java(around.search)),
        _asked("redis", lambda: programs.find_redis(around.search)),
        _mqtt(around.search),
        _asked("jars", lambda: _jars(around.cache / "jars")),
        _asked("disk", lambda: _disk(data)),
        _asked("memory", _memory),
        _port(dashboard_port, data),
        _stack(data),
    ]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    well = (3, 11) <= sys.version_info < (3, 13)
    return Finding("python", well, version if well else f"{version}: use Python 3.11 or 3.12", not well)


def _packages() -> Finding:
    """The installed versions against the lock, as far as it pins them for this Python."""
    lock = PROJECT / "requirements.lock"
    pinned = [Requirement(line.rstrip(" \\")) for line in (lock.read_text() if lock.exists() else "").splitlines() if line[:1].isalnum()]
    mine = [one for one in pinned if one.marker is None or one.marker.evaluate()]
    wrong = [str(one) for one in mine if _installed(one.name) not in one.specifier]
    if not wrong:
        return Finding("packages", well=True, said=f"{len(mine)} as in requirements.lock")
    return Finding("packages", well=False, said=f"{len(wrong)} are not as in requirements.lock ({', '.join(wrong[:3])}, …): run 'make setup'")


def _installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "0"


def _java(search: str) -> str:
    found = programs.find_java(search)
    return f"{found.program} (version {found.version})"


def _mqtt(search: str) -> Finding:
    found = shutil.which("mosquitto", path=search)
    if found:
        return Finding("mqtt", well=True, said=found)
    embedded = _installed("iotcore") != "0"
    said = "no mosquitto; iotcore, embedded, takes its place: it knows no client certificates (Debian: apt-get install mosquitto)"
    return Finding("mqtt", well=False, said=said, prevents=not embedded)


def _jars(folder: Path) -> str:
    locked = jars.read_lock(DEPLOY / "kafka" / "jars.lock")
    absent = jars.missing(locked, folder)
    return f"{len(locked)} in {folder}, verified" if not absent else f"{len(absent)} of {len(locked)} will be fetched once, into {folder}"


def _disk(data: Path) -> str:
    there = next(folder for folder in (data, *data.parents) if folder.exists())
    check_disk(there)
    return f"{shutil.disk_usage(there).free / 2**30:.0f} GiB free for {data} (at least {LEAST_FREE_BYTES // 2**30} needed)"


def _memory() -> str:
    import psutil

    free = psutil.virtual_memory().available / 2**30
    return f"{free:.1f} GiB available" + ("" if free >= 4 else ": a stack uses some 4, end what you can spare")


def _port(number: int, data: Path) -> Finding:
    if is_free(number) or holder(Layout(data).lock):
        return Finding("port", well=True, said=f"{number} for the dashboard")
    return Finding("port", well=False, said=f"{number} is taken: the dashboard takes the next that is free, or --dashboard-port")


def _stack(data: Path) -> Finding:
    found = record.running(data)
    if found is None:
        return Finding("stack", well=True, said=f"none runs in {data}")
    down = [one.name for one in found.processes if one.state not in ("running", "done")]
    return Finding("stack", not down, f"runs in {data}" + (f", without {', '.join(down)}: see 'voltlake status'" if down else ""))


def _asked(name: str, ask: Callable[[], str]) -> Finding:
    try:
        return Finding(name, well=True, said=ask())
    except Broken as error:
        return Finding(name, well=False, said=str(error), prevents=True)
