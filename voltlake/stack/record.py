"""`stack.json`: what runs where in a stack's folder, for `status`, tests and whoever wants to connect."""

import os
import signal
from pathlib import Path

import msgspec

from contracts.errors import Terminal
from voltlake.stack.layout import Layout
from voltlake.stack.locking import holder
from voltlake.stack.plan import Plan
from voltlake.stack.service import Standing


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A running stack. `started_ts` and `ready_ts` in epoch seconds; `ready_ts` is None until everything has been ready once."""

    plan: Plan
    supervisor: int
    started_ts: float
    chosen: dict[str, str]
    processes: list[Standing]
    ready_ts: float | None = None

    @property
    def layout(self) -> Layout:
        """Where things lie."""
        return self.plan.layout

    def process(self, name: str) -> Standing:
        """How one stands. Raises Terminal for a name that is none."""
        for one in self.processes:
            if one.name == name:
                return one
        raise Terminal(f"no process {name!r}; there are {', '.join(one.name for one in self.processes)}")

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to a process; returns its id. Raises Terminal where it does not run."""
        pid = self.process(name).pid
        if pid is None:
            raise Terminal(f"{name} does not run now")
        os.kill(pid, number)
        return pid


def write(record: Record) -> None:
    """In one step, so that no reader sees half of it."""
    path = record.layout.record
    half = path.with_name(path.name + ".tmp")
    half.write_bytes(msgspec.json.format(msgspec.json.encode(record, enc_hook=_encode), indent=2))
    half.replace(path)


def read(data: Path) -> Record | None:
    """The last record of a folder, whether its stack runs or not; None where there is none or it is of another version."""
    try:
        return msgspec.json.decode(Layout(data).record.read_bytes(), type=Record, dec_hook=_decode)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def running(data: Path) -> Record | None:
    """The record of a stack whose supervisor lives; None where none does, or it has not written one yet."""
    pid = holder(Layout(data).lock)
    record = read(data) if pid else None
    return record if record and record.supervisor == pid else None


def require(data: Path) -> Record:
    """The running stack. Raises Terminal where none runs in that folder."""
    record = running(data)
    if record is None:
        raise Terminal(f"no stack runs in {data}: start one with 'voltlake up', or name its folder with --data")
    return record


def _encode(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(type(value))


def _decode(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value))
    raise NotImplementedError(kind)
