"""The files of the spool: append-only segments, the folder's owner, and the cursor.

A segment is named after its base, the logical offset of its first byte; the next one's base is this one's end. So an offset
means the same for the life of the spool, whatever has been deleted.
"""

import fcntl
import os
from pathlib import Path

import msgspec

from contracts.errors import Terminal

MAGIC = b"VLSPOOL1"
"""First bytes of each segment; they count as part of it."""
_SUFFIX = ".segment"


class Owner(msgspec.Struct, frozen=True):
    """Whose records lie in the folder."""

    gateway_id: str
    region: str


def segment_path(folder: Path, base: int) -> Path:
    """Where the segment with that base lies."""
    return folder / f"{base:020d}{_SUFFIX}"


def bases(folder: Path) -> list[int]:
    """The bases of all segments, in order."""
    return sorted(int(path.stem) for path in folder.glob(f"*{_SUFFIX}"))


def take(folder: Path, owner: Owner) -> int:
    """Make the folder this process's own and return the lock's descriptor. Raises Terminal where it is someone else's."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Terminal(f"spool {folder} cannot be used: {error.strerror}; give GATEWAY_SPOOL a folder that this user may write") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise Terminal(f"spool {folder} is in use by another process; stop it, or give each gateway its own GATEWAY_SPOOL") from None
    card = folder / "owner.json"
    if card.exists():
        found = msgspec.json.decode(card.read_bytes(), type=Owner)
        if found != owner:
            os.close(lock)
            raise Terminal(
                f"spool {folder} belongs to gateway {found.gateway_id} of region {found.region}, not to {owner.gateway_id} of {owner.region}; "
                "start that gateway until it is delivered, or give another GATEWAY_SPOOL"
            )
    else:
        replace(card, msgspec.json.encode(owner))
    return lock


def replace(path: Path, content: bytes) -> None:
    """Write a small file in one step."""
    half = path.with_suffix(".tmp")
    half.write_bytes(content)
    half.replace(path)


def create(folder: Path, base: int) -> int:
    """A new segment that survives a power cut: its descriptor, positioned after the magic."""
    descriptor = os.open(segment_path(folder, base), os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, MAGIC)
        os.fdatasync(descriptor)
        parent = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def read_cursor(folder: Path) -> int:
    """The offset below which all is delivered and told; 0 where none was written."""
    path = folder / "cursor"
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        # An empty cursor is what a power cut can leave: what is read again is sent again, and silver drops it.
        return 0


def write_cursor(folder: Path, offset: int) -> None:
    """Persist the cursor. Not synced: an old one costs duplicates, never a loss."""
    replace(folder / "cursor", str(offset).encode())
