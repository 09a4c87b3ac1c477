"""The shadow of a table that is being made again: exact rows by day, as files, and a note of what is being made.

A part appears whole or not at all, so a rebuild that was killed goes on where it stopped.
"""

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake import DeltaTable

from contracts.errors import Terminal
from lakehouse.positions import Position, Reached, Source

Tell = Callable[[str], None]
"""Hears in words how far a rebuild has come."""


class Wish(msgspec.Struct, frozen=True):
    """What is to be made again: a table, from and to a day (both included, empty: all), these vehicles (none: all)."""

    table: str
    first: str = ""
    last: str = ""
    vehicles: tuple[str, ...] = ()

    def holds(self, day: str) -> bool:
        """Whether the day is asked for."""
        return (not self.first or day >= self.first) and (not self.last or day <= self.last)


def part(kind: str, day: str) -> str:
    """The name of one part: a kind of silver and a day."""
    return f"{kind}-{day}"


def of(vehicles: Sequence[str]) -> ds.Expression:
    """The rows of these vehicles; of all where none is named."""
    return ds.field("vehicle_id").isin(list(vehicles)) if vehicles else ds.scalar(True)


def partition_values(table: DeltaTable, name: str) -> set[str]:
    """The values that a partition column has in the table now, as text."""
    files = pa.table(table.get_add_actions(flatten=True))
    column = f"partition.{name}"
    return {str(value) for value in files[column].unique().to_pylist()} if column in files.column_names else set()


class _Note(msgspec.Struct, frozen=True):
    wish: Wish
    reached: list[tuple[Source, Position]]


class Shadow:
    """The parts of one rebuild in a folder of its own."""

    def __init__(self, folder: Path, wish: Wish, reached: Mapping[Source, Position]) -> None:
        """Open what a rebuild of the same wish left behind, or begin at these positions. Raises Terminal where the folder cannot be written."""
        name = hashlib.blake2b(msgspec.json.encode(wish), digest_size=6).hexdigest()
        self._folder = folder / f"{wish.table}-{name}"
        note = self._folder / "note.json"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if note.exists():
                self.resumed = True
                self.reached: Reached = dict(msgspec.json.decode(note.read_bytes(), type=_Note).reached)
            else:
                self.resumed = False
                self.reached = dict(reached)
                self._put(note, msgspec.json.encode(_Note(wish, list(self.reached.items()))))
        except (OSError, msgspec.MsgspecError) as error:
            raise Terminal(f"the shadow of {wish.table} in {self._folder} cannot be used: {error}; remove that folder, or free some space") from error

    def has(self, part: str) -> bool:
        """Whether a part is made."""
        return self.file(part).exists()

    def write(self, part: str, exact: pa.Table) -> None:
        """Keep a part."""
        sink = pa.BufferOutputStream()
        pq.write_table(exact, sink, compression="zstd", compression_level=1)
        try:
            self._put(self.file(part), sink.getvalue().to_pybytes())
        except OSError as error:
            raise Terminal(f"the shadow in {self._folder} cannot be written: {error}; free some space and run it again") from error

    def read(self, parts: Sequence[str]) -> list[pa.Table]:
        """The parts that are there."""
        return [pq.read_table(self.file(part), partitioning=None) for part in parts if self.has(part)]

    def remove(self) -> None:
        """The table is made: its shadow goes."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def file(self, part: str) -> Path:
        """Where a part lies."""
        return self._folder / f"{part}.parquet"

    @staticmethod
    def _put(path: Path, content: bytes) -> None:
        half = path.with_name(path.name + ".half")
        half.write_bytes(content)
        half.replace(path)
