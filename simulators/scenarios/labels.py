"""Labels beside the data, so that detectors can be scored: one JSON object a line, sorted by vehicle and start."""

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from contracts.errors import Terminal
from simulators.scenarios.plan import Fault


class Label(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was wrong with a vehicle from when to when (epoch milliseconds; no `end_ts` where it stayed)."""

    vehicle_id: str
    start_ts: int
    kind: str
    group: str
    severity: float
    end_ts: int | None = None
    signals: tuple[str, ...] = ()
    parameters: dict[str, float] = {}


def label(fault: Fault, vehicle_id: str) -> Label:
    """The label of a fault."""
    end = None if fault.end_s == float("inf") else round(fault.end_s * 1000)
    parameters = dict(fault.parameters)
    return Label(vehicle_id, round(fault.start_s * 1000), fault.kind, fault.group, fault.severity, end, fault.signals, parameters)


def write(faults: Iterable[Fault], name: Callable[[int], str], path: Path) -> int:
    """Write the labels in one step; `name` gives a vehicle's id by number. How many were written. Raises Terminal."""
    encoder = msgspec.json.Encoder()
    lines = [encoder.encode(label(fault, name(fault.vehicle))) for fault in faults]
    half = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        half.write_bytes(b"".join(line + b"\n" for line in lines))
        half.replace(path)
    except OSError as error:
        raise Terminal(f"the labels cannot be written to {path}: {error}") from None
    return len(lines)


def read(path: Path) -> list[Label]:
    """Labels of a file. Raises Terminal."""
    try:
        return [msgspec.json.decode(line, type=Label) for line in path.read_bytes().splitlines()]
    except (OSError, msgspec.MsgspecError) as error:
        raise Terminal(f"the labels {path} cannot be read: {error}") from None
