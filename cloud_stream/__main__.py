"""`python -m cloud_stream ingest | flow NAME | upkeep`: one process of the cloud side, told by environment variables."""

import importlib
import logging
import os
import sys

from contracts.errors import Terminal

USAGE = """usage: python -m cloud_stream ingest
       python -m cloud_stream flow NAME
       python -m cloud_stream notify
       python -m cloud_stream upkeep

ingest      takes the gateways' requests over HTTPS and writes them to the edge Kafka; settings are INGEST_ variables
flow NAME   runs one flow from Kafka to the lake, the online features or the alerts; settings are FLOW_ variables
notify      tells webhooks, mail servers and Alertmanager of alerts; settings are NOTIFY_ variables
upkeep      keeps the lake's tables small and quick to read; settings are UPKEEP_ variables"""


def main(words: list[str]) -> int:
    """Exit code: 0 after an orderly stop, 1 where it cannot run or go on, 2 for wrong words."""
    if words in (["--help"], ["-h"]):
        print(USAGE)
        return 0
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        match words:
            case ["ingest"]:
                from cloud_stream.ingest.service import run

                run(os.environ)
            case ["notify"]:
                from cloud_stream.notify.service import run as notify

                notify(os.environ)
            case ["flow", name] if not name.startswith("-"):
                # By name: only a flow's process pays for the imports of the dataflow engine.
                importlib.import_module("cloud_stream.wiring").run(name, os.environ)
            case ["upkeep"]:
                from cloud_stream.upkeep.service import run as look_after

                look_after(os.environ)
            case _:
                print(f"cloud_stream: cannot make sense of {' '.join(words)!r}; see python -m cloud_stream --help", file=sys.stderr)
                return 2
    except Terminal as terminal:
        print(f"cloud_stream: {terminal}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
