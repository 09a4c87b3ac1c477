"""Delta tables in and out of a dataflow. The commit hook is Bytewax's snapshot at the end of an epoch: one commit an epoch."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pyarrow as pa
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from lakehouse.positions import Reached
from lakehouse.tail import Tail

POLL = timedelta(milliseconds=50)


class DeltaInput(FixedPartitionedSource[tuple[str, pa.Table], None]):
    """A Bytewax source of `(name, table)`: what is appended to each table, one part a table."""

    def __init__(self, tails: Mapping[str, tuple[Tail, Reached]]) -> None:
        self._tails = tails

    def list_parts(self) -> list[str]:
        """The names, one a table."""
        return sorted(self._tails)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_DeltaPart":  # noqa: ARG002 - Bytewax's signature
        """Follow one table from its reader's positions on."""
        return _DeltaPart(for_part, *self._tails[for_part])


class _DeltaPart(StatefulSourcePartition[tuple[str, pa.Table], None]):
    def __init__(self, name: str, tail: Tail, reached: Reached) -> None:
        self._name, self._tail = name, tail
        self._backlog = tail.backlog(reached)
        self._catching_up = True
        self._awake: datetime | None = None

    def next_batch(self) -> list[tuple[str, pa.Table]]:
        if self._catching_up:
            rows = next(self._backlog, None)
            if rows is not None:
                return [(self._name, rows)]
            self._catching_up = False
        batches = self._tail.poll()
        self._awake = None if batches else datetime.now(UTC) + POLL
        return [(self._name, rows) for rows in batches]

    def next_awake(self) -> datetime | None:
        return self._awake

    def snapshot(self) -> None:
        return None


class Committer(Protocol):
    """Takes items of one name in order and makes them visible at the end of an epoch."""

    def add(self, item: Any) -> None:
        """Take one item; nothing is visible yet, unless its reader wants it at once."""

    def commit(self) -> None:
        """Make all of it visible, with the positions it reaches. Not called again where nothing came."""


class CommitOutput(FixedPartitionedSink[Any, None]):
    """A Bytewax sink of `(name, item)`: one committer a name."""

    def __init__(self, committers: Mapping[str, Callable[[], Committer]], observe: Callable[[str, float], None]) -> None:
        self._committers, self._observe = committers, observe

    def list_parts(self) -> list[str]:
        """The names."""
        return sorted(self._committers)

    def part_fn(self, item_key: str) -> int:
        """The place of a name among the sorted names."""
        return self.list_parts().index(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_CommitPart":  # noqa: ARG002 - Bytewax's signature
        """Open one committer."""
        return _CommitPart(for_part, self._committers[for_part](), self._observe)


class _CommitPart(StatefulSinkPartition[Any, None]):
    def __init__(self, name: str, committer: Committer, observe: Callable[[str, float], None]) -> None:
        self._name, self._committer, self._observe = name, committer, observe
        self._dirty = False

    def write_batch(self, values: Sequence[Any]) -> None:
        for item in values:
            self._committer.add(item)
            self._dirty = True

    def snapshot(self) -> None:
        if self._dirty:
            started = time.perf_counter()
            self._committer.commit()
            self._observe(self._name, time.perf_counter() - started)
            self._dirty = False
