"""The children's log files: bounded, one for each, and their last words."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

LARGEST_BYTES = 16 * 2**20
TAIL_BYTES = 8192


def last_line(path: Path) -> str:
    """The last line that is not blank; "" where there is none."""
    for line in reversed(tail(path, 50)):
        if line.strip():
            return line.strip()[:300]
    return ""


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a file, at most; [] where there is no file."""
    try:
        return _end(path, lines)[0].decode(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []


def _end(path: Path, lines: int) -> tuple[bytes, int]:
    """The end of a file, enough for so many lines of a usual length, and the position where it begins."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        start = max(0, size - TAIL_BYTES * max(1, lines // 40))
        file.seek(start)
        return file.read(size - start), start


def rotate(path: Path, largest_bytes: int = LARGEST_BYTES) -> bool:
    """Move a log that has grown too long to `NAME.log.1`; its writer goes on in the emptied file, as it appends."""
    if path.stat().st_size <= largest_bytes:
        return False
    shutil.copyfile(path, path.with_name(path.name + ".1"))
    with path.open("r+b") as file:
        file.truncate(0)
    return True


def follow(path: Path, lines: int, look_s: float = 0.2) -> Iterator[str]:
    """The last lines and then whatever is added, for ever; a file that was emptied is followed from its start."""
    end, start = _end(path, lines)
    whole = end[: end.rfind(b"\n") + 1]
    read = start + len(whole)
    yield from whole.decode(errors="replace").splitlines()[-lines:]
    while True:
        size = path.stat().st_size
        if size < read:
            read = 0
        if size > read:
            with path.open("rb") as file:
                file.seek(read)
                fresh = file.read(size - read)
            whole = fresh[: fresh.rfind(b"\n") + 1]
            read += len(whole)
            yield from whole.decode(errors="replace").splitlines()
        time.sleep(look_s)
