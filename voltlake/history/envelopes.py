"""Windows of history as the records that the gateways would have made of them. Pure."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
import pyarrow as pa

from contracts.codec import encode, seal
from contracts.events import Cells, Envelope, Event
from contracts.identity import KINDS, Kind
from simulators.faulty import FaultyUnit
from simulators.frames import Layout
from simulators.history.tables import Wanted, Window
from simulators.physics import draws
from simulators.scenarios.plan import Fault, vehicle_id
from simulators.source import Afflicted

RECORDS = pa.schema([("key", pa.string()), ("arrived_ms", pa.int64()), ("value", pa.binary())])
"""A record: its key, when it came to Kafka (epoch ms), and the envelope's bytes."""
TO_KAFKA_MS = 60
"""From the gateway's reception to Kafka's time stamp: what the road needs, nearly."""
_IDENTITY = ("vehicle_id", "boot_id", "seq", "ts", "received_at", "region")
_TWICE = 834


class Gateways:
    """The gateways of a fleet, one a region, and what its scenario does to messages on the way to them."""

    def __init__(self, wanted: Wanted, faults: Sequence[Fault] = ()) -> None:
        fleet = wanted.fleet
        numbers = range(fleet.first, fleet.first + fleet.vehicles)
        self._region = {vehicle_id(wanted.prefix, number): fleet.regions[number % len(fleet.regions)] for number in numbers}
        own: dict[int, list[Fault]] = {}
        for fault in faults:
            if fault.kind in {"network.corrupt", "network.duplicate"}:
                own.setdefault(fault.vehicle, []).append(fault)
        afflicted = [Afflicted(number, draws.keys(fleet.seed, np.array([number])), tuple(some)) for number, some in own.items()]
        self._broken: Mapping[str, FaultyUnit] = {vehicle_id(wanted.prefix, one.vehicle): FaultyUnit(one) for one in afflicted}
        self._twice = {vehicle_id(wanted.prefix, one.vehicle): one for one in afflicted}

    def records(self, kind: Kind, window: Window) -> pa.Table:
        """The records of one kind of a window."""
        table = {"telemetry": window.telemetry, "cells": window.cells, "event": window.events}[kind]
        columns = [table[name].to_pylist() for name in _IDENTITY[:5]]
        rows = zip(*columns, _payloads(kind, table), strict=True)
        found = [record for row in rows for record in self._sealed(kind, row)]
        return pa.Table.from_arrays([pa.array(column, field.type) for column, field in zip(_turned(found), RECORDS, strict=True)], schema=RECORDS)

    def _sealed(self, kind: Kind, row: tuple[str, str, int, int, int, bytes]) -> Iterable[tuple[str, int, bytes]]:
        vehicle, boot, seq, ts, received, payload = row
        region = self._region[vehicle]
        raw, text = msgspec.Raw(payload), None
        if vehicle in self._broken:
            raw, text = seal(self._broken[vehicle].payload(ts, KINDS.index(kind), payload))
        sealed = encode(Envelope(f"{region}-1", region, vehicle, kind, boot, seq, received, raw, text))
        record = (vehicle, received + TO_KAFKA_MS, sealed)
        return (record, record) if vehicle in self._twice and self._comes_twice(vehicle, ts) else (record,)

    def _comes_twice(self, vehicle: str, ts: int) -> bool:
        one = self._twice[vehicle]
        live = [fault for fault in one.faults if fault.kind == "network.duplicate" and fault.start_s * 1000 <= ts < fault.end_s * 1000]
        return any(float(draws.uniform(one.key, _TWICE, ts)[0]) < fault.severity for fault in live)


def _turned(records: list[tuple[str, int, bytes]]) -> list[list[object]]:
    return [list(column) for column in zip(*records, strict=True)] if records else [[], [], []]


def _payloads(kind: Kind, table: pa.Table) -> list[bytes]:
    stamps = table["ts"].to_pylist()
    if kind == "telemetry":
        names = [name for name in table.column_names if name not in _IDENTITY]
        return Layout(names).encode(stamps, {name: table[name].to_numpy() for name in names}) if stamps else []
    if kind == "cells":
        lists = zip(stamps, table["cell_v"].to_pylist(), table["probe_c"].to_pylist(), strict=True)
        return [encode(Cells(*one)) for one in lists]
    events = zip(stamps, table["event"].to_pylist(), table["attributes"].to_pylist(), strict=True)
    return [encode(Event(ts, event, msgspec.json.decode(attributes))) for ts, event, attributes in events]
