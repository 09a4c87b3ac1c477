"""`python -m dashboards`: the page, told by `DASHBOARD_` variables."""

import logging
import os
import sys

import msgspec

from contracts.errors import Terminal
from contracts.settings import load
from dashboards.settings import Settings, check

PREFIX = "DASHBOARD_"


def usage() -> str:
    """What `--help` says."""
    names = ", ".join(PREFIX + field.name.upper() + ("" if field.required else "?") for field in msgspec.structs.fields(Settings))
    return (
        "usage: python -m dashboards\n\n"
        "Serves the fleet page: map, live figures, vehicles and alerts, from gold, the online store and Kafka.\n"
        f"Settings come from the environment ('?' may be left out):\n{names}"
    )


def main(words: list[str]) -> int:
    """Exit code: 0 after an orderly stop, 1 where it cannot run, 2 for wrong words."""
    if words:
        wanted = words in (["--help"], ["-h"])
        print(usage() if wanted else f"dashboards takes no words, but got {' '.join(words)!r}; see --help", file=sys.stdout if wanted else sys.stderr)
        return 0 if wanted else 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = check(load(Settings, os.environ, PREFIX))
        from dashboards.server import serve  # a second of imports, which --help and a wrong setting need not pay

        return serve(settings)
    except Terminal as terminal:
        print(f"dashboards: {terminal}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
