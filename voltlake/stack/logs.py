"""The children's log files: bounded, one for each, and their last words."""

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

LARGEST_BYTES = 16 * 2**20
TAIL_BYTES = 8192
LAST_WORDS_BYTES = 32_768
TELLS = re.compile(r"\bERROR\b|\bFATAL\b|\bCaused by: ")


def last_words(path: Path, start: int = 0) -> str:
    """What a process said at its end, of what it wrote from byte `start` on: the last line that tells of an error, else the last one.

    A Java server goes on to talk while it closes, after the line that matters.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(start if start <= size else 0, size - LAST_WORDS_BYTES))
            lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except FileNotFoundError:
        return ""
    told = [line for line in lines if TELLS.search(line)]
    return (told or lines or [""])[-1][:300]


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
