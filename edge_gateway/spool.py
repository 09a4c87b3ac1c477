"""The spool: what was acknowledged and is not yet delivered, on disk.

`write` returns only after fdatasync. After kill -9 or a power cut a torn tail is cut off; none of it was acknowledged.
All calls block. `write` and `advance` belong to one thread, `read` to one other: the map of segments is replaced, never changed.
"""

import logging
import os
from itertools import pairwise
from pathlib import Path

from contracts.errors import Terminal, Transient
from edge_gateway import segments
from edge_gateway.frames import Entry, Torn, unpack

log = logging.getLogger(__name__)

_CHUNK_BYTES = 2**20


class Spool:
    """Records in order of arrival, from the cursor to the durable end."""

    def __init__(self, folder: Path, owner: segments.Owner, segment_bytes: int) -> None:
        """Open the folder and cut what is torn. Raises Terminal where the folder cannot be had."""
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._lock = segments.take(folder, owner)
        self._ends: dict[int, int] = {}
        self._reading: tuple[int, int] | None = None
        self._writing: int | None = None
        self._base = 0
        self.torn_bytes = self._recover()
        self.durable = max(self._ends.values(), default=segments.read_cursor(folder))
        self.cursor = min(max(segments.read_cursor(folder), min(self._ends, default=self.durable)), self.durable)
        self._delete_delivered()

    @property
    def backlog_bytes(self) -> int:
        """Bytes that are durable and not yet delivered and told."""
        return self.durable - self.cursor

    def write(self, frames: list[bytes]) -> int:
        """Append frames and return the durable end. Raises Transient where the disk refuses; then nothing of them stands."""
        data = b"".join(frames)
        try:
            if self._writing is None or self.durable - self._base >= self._segment_bytes:
                self._roll()
            self._append(data)
        except OSError as error:
            self._abandon()
            raise Transient(f"spool {self._folder} cannot be written: {error.strerror}; free or repair the disk") from error
        return self._extend(len(data))

    def read(self, offset: int, limit: int) -> tuple[list[Entry], int]:
        """At most `limit` entries from `offset` on and the offset after them; none at the durable end.

        Raises Terminal where the disk gives back something else than was written.
        """
        for base, end in self._ends.items():
            start = max(offset, base + len(segments.MAGIC))
            if start < end:
                return self._read_segment(base, start, end, limit)
        return [], offset

    def advance(self, offset: int) -> None:
        """Persist that all below `offset` is delivered and told, and delete the segments that hold nothing else."""
        self.cursor = offset
        segments.write_cursor(self._folder, offset)
        self._delete_delivered()

    def close(self) -> None:
        """Give the folder back."""
        for descriptor in (self._writing, self._reading[1] if self._reading else None, self._lock):
            if descriptor is not None:
                os.close(descriptor)
        self._writing, self._reading = None, None

    def _roll(self) -> None:
        if self._writing is not None:
            os.close(self._writing)
            self._writing = None
        descriptor = segments.create(self._folder, self.durable)
        self._base, self._writing = self.durable, descriptor
        self._extend(len(segments.MAGIC))

    def _extend(self, length: int) -> int:
        end = self.durable + length
        self._ends = {**self._ends, self._base: end}
        self.durable = end
        return end

    def _append(self, data: bytes) -> None:
        assert self._writing is not None
        view = memoryview(data)
        while view:
            view = view[os.write(self._writing, view) :]
        os.fdatasync(self._writing)

    def _abandon(self) -> None:
        """After a failed write or sync: cut the segment to what is known durable and go on in a new one.

        A page whose sync failed may be marked clean, so a second fdatasync of the same file would prove nothing.
        """
        if self._writing is None:
            return
        try:
            os.ftruncate(self._writing, self.durable - self._base)
        except OSError as error:
            log.warning("spool segment %d cannot be cut after a failed write (%s); recovery will cut it", self._base, error.strerror)
        os.close(self._writing)
        self._writing = None

    def _read_segment(self, base: int, offset: int, end: int, limit: int) -> tuple[list[Entry], int]:
        if self._reading is None or self._reading[0] != base:
            if self._reading is not None:
                os.close(self._reading[1])
            self._reading = (base, os.open(segments.segment_path(self._folder, base), os.O_RDONLY | os.O_CLOEXEC))
        size = _CHUNK_BYTES
        while True:
            data = os.pread(self._reading[1], min(size, end - offset), offset - base)
            try:
                entries, used = unpack(data, limit)
            except Torn as torn:
                raise Terminal(f"spool {self._folder}, segment {base}: {torn} from {offset - base} on; check the disk, then start again") from None
            if entries:
                return entries, offset + used
            size *= 2

    def _recover(self) -> int:
        found = segments.bases(self._folder)
        torn = 0
        for base, following in [*pairwise(found), *[(base, None) for base in found[-1:]]]:
            path = segments.segment_path(self._folder, base)
            size, whole = path.stat().st_size, _whole_bytes(path)
            if following is not None and base + whole < following:
                log.error(
                    "spool segment %s is damaged: %d bytes of acknowledged records are lost; check the disk", path.name, following - base - whole
                )
            elif following is None and size > whole:
                torn += size - whole
                log.warning("spool segment %s: cut %d torn bytes at its end; nothing in them was acknowledged", path.name, size - whole)
                os.truncate(path, whole)
            self._ends[base] = base + whole if following is None else min(base + whole, following)
        return torn

    def _delete_delivered(self) -> None:
        kept = {base: end for base, end in self._ends.items() if end > self.cursor or (base == self._base and self._writing is not None)}
        gone, self._ends = self._ends.keys() - kept.keys(), kept
        for base in gone:
            segments.segment_path(self._folder, base).unlink(missing_ok=True)


def _whole_bytes(path: Path) -> int:
    """How many bytes from the start of a segment are whole frames."""
    with path.open("rb") as file:
        if file.read(len(segments.MAGIC)) != segments.MAGIC:
            return 0
        whole, rest = len(segments.MAGIC), b""
        while chunk := file.read(_CHUNK_BYTES):
            rest += chunk
            try:
                _, used = unpack(rest, len(rest))
            except Torn as torn:
                return whole + torn.at
            whole += used
            rest = rest[used:]
    return whole
