"""`python -m edge_gateway`: one gateway, told by `GATEWAY_` variables."""

import asyncio
import logging
import os
import sys

import msgspec

from contracts.errors import Terminal
from contracts.settings import load
from edge_gateway.service import Gateway
from edge_gateway.settings import Settings, check

PREFIX = "GATEWAY_"


def usage() -> str:
    """What `--help` says."""
    names = ", ".join(PREFIX + field.name.upper() + ("" if field.required else "?") for field in msgspec.structs.fields(Settings))
    return (
        "usage: python -m edge_gateway\n\n"
        "Takes the messages of one region's vehicles from an MQTT 5 broker, makes them durable, acknowledges them and delivers\n"
        f"them to ingest. Settings come from the environment ('?' may be left out):\n{names}"
    )


async def serve(settings: Settings) -> None:
    """Run one gateway until it is told to stop. Raises Terminal, also where it came from a task in a group of tasks."""
    try:
        await Gateway(settings).run()
    except BaseExceptionGroup as group:
        found: BaseException | None = group.subgroup(Terminal)
        while isinstance(found, BaseExceptionGroup):
            found = found.exceptions[0]
        if found is not None:
            raise found from group
        raise


def main(words: list[str]) -> int:
    """Exit code: 0 after an orderly stop, 1 where it cannot run, 2 for wrong words."""
    if words:
        wanted = words in (["--help"], ["-h"])
        print(
            usage() if wanted else f"edge_gateway takes no words, but got {' '.join(words)!r}; see --help", file=sys.stdout if wanted else sys.stderr
        )
        return 0 if wanted else 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(serve(check(load(Settings, os.environ, PREFIX))))
    except Terminal as terminal:
        print(f"edge_gateway: {terminal}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
