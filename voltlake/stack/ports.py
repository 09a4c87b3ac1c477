"""Free ports for the listeners of a stack, all on loopback."""

import hashlib
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from contracts.errors import Terminal

HOST = "127.0.0.1"
# Below the range from which the kernel takes the ports of outgoing connections, which would come in between.
FIRST, LAST = 20_000, 32_000
DASHBOARD = 8080


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def claim(port: int, what: str, option: str) -> int:
    """A port that a person asked for. Raises Terminal where it is taken."""
    if not is_free(port):
        raise Terminal(f"port {port} for {what} is taken by another process: end that one, or choose another with {option}")
    return port


def allot(names: Iterable[str], data: Path, before: Mapping[str, int], avoid: Iterable[int] = ()) -> dict[str, int]:
    """A free port for each name: the one it had before where that is free still, else from a range that depends on the folder.

    So a stack keeps its addresses, and two that start at once do not take each other's. Raises Terminal where none is left.
    """
    given: dict[str, int] = {}
    start = int.from_bytes(hashlib.sha256(str(data.resolve()).encode()).digest()[:4], "big")
    candidates = (FIRST + (start + step) % (LAST - FIRST) for step in range(LAST - FIRST))
    avoided = set(avoid)
    taken = avoided | set(before.values())
    for name in names:
        had = before.get(name)
        if had and had not in avoided and is_free(had):
            given[name] = had
            continue
        port = next((port for port in candidates if port not in taken and is_free(port)), None)
        if port is None:
            raise Terminal(f"no free port between {FIRST} and {LAST} for {name}: end what listens there")
        given[name] = port
    return given


def dashboard_port(wanted: int | None, before: int | None) -> int:
    """The dashboard's: as asked for, else as before, else 8080, else the next that is free."""
    if wanted is not None:
        return claim(wanted, "the dashboard", "--dashboard-port")
    if before and is_free(before):
        return before
    for port in range(DASHBOARD, DASHBOARD + 1000):
        if is_free(port):
            return port
    raise Terminal(f"no free port from {DASHBOARD} on for the dashboard: choose one with --dashboard-port")
