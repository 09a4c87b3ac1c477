"""One who listens: its connection, and what it has missed."""

import msgspec

from dashboards.live.frames import Pipe

FULL_BYTES = 256 * 1024
"""More than this waiting at a connection, and its reader is skipped: about two seconds of a thousand vehicles."""
GIVEN_UP_AFTER_MS = 60_000
"""A reader that took nothing for so long is cut off: it is gone, and its kernel has not noticed."""


class Reader:
    """A connection that is written to without waiting."""

    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe
        self.seen = 0
        self.skipped = 0
        self._full_since_ms = 0

    @property
    def is_behind(self) -> bool:
        """Whether it missed something that it must be told of."""
        return self.skipped > 0

    def has_room(self, now_ms: int) -> bool:
        """Whether something may be written to it now; a reader that has none for a minute is cut off."""
        if self.pipe.is_closing():
            return False
        if self.pipe.get_write_buffer_size() <= FULL_BYTES:
            self._full_since_ms = 0
            return True
        self._full_since_ms = self._full_since_ms or now_ms
        if now_ms - self._full_since_ms > GIVEN_UP_AFTER_MS:
            self.pipe.abort()
        return False


encode = msgspec.json.Encoder().encode
