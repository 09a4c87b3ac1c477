"""WebSocket messages of a server as bytes (RFC 6455, 5.2). A server does not mask, so one message is made once for all who get it."""

import struct
from typing import Protocol

TEXT, BINARY = 1, 2


class Pipe(Protocol):
    """The transport under a connection, as asyncio has it."""

    def write(self, data: bytes) -> None:
        """Send, or keep until it can be sent."""
        ...

    def get_write_buffer_size(self) -> int:
        """Bytes that wait to be sent."""
        ...

    def is_closing(self) -> bool:
        """Whether it is at its end."""
        ...

    def abort(self) -> None:
        """End it now."""
        ...


def message(payload: bytes, kind: int = TEXT) -> bytes:
    """One whole message."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | kind, size)
    elif size < 65_536:
        head = struct.pack("!BBH", 0x80 | kind, 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | kind, 127, size)
    return head + payload
