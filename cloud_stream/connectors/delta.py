"""Delta tables in and out of a dataflow. The commit hook is Bytewax's snapshot at the end of an epoch: one commit an epoch."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from lakehouse.positions import Reached
from lakehouse.tail import Tail


class DeltaInput(FixedPartitionedSource[tuple[str, pa.Table], None]):
    """A Bytewax source of `(name, table)`: what is appended to each table, one part a table. `received` is told name and rows.

    A table is looked at every `poll_s`: what was committed meanwhile comes as several items of one epoch.
    """

    def __init__(self, tails: Mapping[str, tuple[Tail, Reached]], received: Callable[[str, int], None], poll_s: float) -> None:
        self._tails, self._received, self._poll = tails, received, timedelta(seconds=poll_s)

    def list_parts(self) -> list[str]:
        """The names, one a table."""
        return sorted(self._tails)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_DeltaPart":  # noqa: ARG002 - Bytewax's signature
        """Follow one table from its reader's positions on."""
        tail, reached = self._tails[for_part]
        return _DeltaPart(for_part, tail, reached, self._received, self._poll)


class _DeltaPart(StatefulSourcePartition[tuple[str, pa.Table], None]):
    def __init__(self, name: str, tail: Tail, reached: Reached, received: Callable[[str, int], None], poll: timedelta) -> None:
        self._name, self._tail, self._received, self._poll = name, tail, received, poll
        self._backlog = tail.backlog(reached)
        self._catching_up = True
        self._awake: datetime | None = None

    def next_batch(self) -> list[tuple[str, pa.Table]]:
        if self._catching_up:
            rows = next(self._backlog, None)
            if rows is not None:
                self._received(self._name, rows.num_rows)
                return [(self._name, rows)]
            self._catching_up = False
        batches = self._tail.poll()
        self._awake = datetime.now(UTC) + self._poll
        self._received(self._name, sum(rows.num_rows for rows in batches))
        return [(self._name, rows) for rows in batches]

    def next_awake(self) -> datetime | None:
        return self._awake

    def snapshot(self) -> None:
        return None


class Committed(NamedTuple):
    """What one commit did: rows that became visible, by table, and rows that did not, by reason."""

    rows: Mapping[str, int]
    refused: Mapping[str, int] = {}
    waiting: bool = False
    """Not yet: commit is called again at the end of the next epoch, whether something comes or not."""


class Committer(Protocol):
    """Takes items of one name in order and makes them visible at the end of an epoch."""

    def add(self, item: Any) -> None:
        """Take one item; nothing is visible yet, unless its reader wants it at once."""

    def commit(self) -> Committed:
        """Make all of it visible, with the positions it reaches. Called only where something came."""


class CommitOutput(FixedPartitionedSink[Any, None]):
    """A Bytewax sink of `(name, item)`: one committer a name."""

    def __init__(self, committers: Mapping[str, Callable[[], Committer]], committed: Callable[[str, float, Committed], None]) -> None:
        self._committers, self._committed = committers, committed

    def list_parts(self) -> list[str]:
        """The names."""
        return sorted(self._committers)

    def part_fn(self, item_key: str) -> int:
        """The place of a name among the sorted names."""
        return self.list_parts().index(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_CommitPart":  # noqa: ARG002 - Bytewax's signature
        """Open one committer."""
        return _CommitPart(for_part, self._committers[for_part](), self._committed)


class _CommitPart(StatefulSinkPartition[Any, None]):
    def __init__(self, name: str, committer: Committer, committed: Callable[[str, float, Committed], None]) -> None:
        self._name, self._committer, self._committed = name, committer, committed
        self._dirty = False

    def write_batch(self, values: Sequence[Any]) -> None:
        for item in values:
            self._committer.add(item)
            self._dirty = True

    def snapshot(self) -> None:
        if self._dirty:
            started = time.perf_counter()
            done = self._committer.commit()
            if not done.waiting:
                self._committed(self._name, time.perf_counter() - started, done)
            self._dirty = done.waiting
