"""Out of quarantine: which refused records can be put right, and how they look then. Pure, apart from reading the tables.

A repaired record is sent again under its own identity and enters through bronze like any other; silver then accepts it, once:
quarantined identities do not count as seen (`lakehouse.seen`). What can still not be believed stays where it is.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from contracts.codec import Malformed, decode, encode
from contracts.errors import Terminal
from contracts.identity import KINDS, Kind
from contracts.signals import BY_NAME
from lakehouse.reader import arrow, exists
from lakehouse.seen import Sender
from lakehouse.silver import refine
from lakehouse.tables import BRONZE, QUARANTINE, SILVER_OF

Fields = dict[str, Any]
Repair = Callable[[Fields], Fields | None]
"""An envelope as it was, to one that can be believed; None where this repair does not know how."""


class Repaired(NamedTuple):
    """A record to be sent again."""

    kind: Kind
    vehicle_id: str
    value: bytes


class Outcome(NamedTuple):
    """What can be sent again, and how many records cannot and why: `accepted before`, or the reason that is left."""

    records: list[Repaired]
    left: Counter[str]


def _without_signals_out_of_range(envelope: Fields) -> Fields | None:
    signals = envelope["payload"]["signals"]
    kept = {name: value for name, value in signals.items() if name not in BY_NAME or BY_NAME[name].low <= value <= BY_NAME[name].high}
    return None if len(kept) == len(signals) else envelope | {"payload": envelope["payload"] | {"signals": kept}}


def _at_reception(envelope: Fields) -> Fields | None:
    return envelope | {"payload": envelope["payload"] | {"ts": envelope["received_at"]}}


def _as_it_is(envelope: Fields) -> Fields | None:
    return envelope


REPAIRS: dict[str, tuple[str, str, Repair]] = {
    "range": ("signals_dropped", "the signals out of range are left out", _without_signals_out_of_range),
    "future": ("ts_of_reception", "the time of reception stands for the sensor's", _at_reception),
    "too_late": ("ts_of_reception", "the time of reception stands for the sensor's", _at_reception),
    "identity_mismatch": ("key_of_envelope", "the record gets the key of its envelope's vehicle", _as_it_is),
    "schema": ("read_again", "as it is: for records that a newer catalogue can read", _as_it_is),
}
"""By reason: the repair's name, what it does, and how. A record that is no JSON cannot be repaired."""


def repaired(lake: str, reason: str, kinds: Iterable[Kind] = KINDS, vehicles: Iterable[str] = ()) -> Outcome:
    """The quarantined records of a reason, put right; of these vehicles only, where any are named.

    Raises Terminal where there is no repair for that reason.
    """
    if reason not in REPAIRS:
        raise Terminal(f"records refused as {reason!r} cannot be repaired; those can: {', '.join(REPAIRS)}")
    outcome = Outcome([], Counter())
    named = list(vehicles)
    for kind in kinds:
        if not (exists(lake, "silver.quarantine") and exists(lake, SILVER_OF[kind])):
            continue
        wanted = (ds.field("reason") == reason) & (ds.field("kind") == kind)
        wanted = wanted & ds.field("vehicle_id").isin(named) if named else wanted
        rows = arrow(lake, "silver.quarantine", QUARANTINE.names, wanted)
        if rows.num_rows:
            _repair(lake, kind, reason, rows, outcome)
    return outcome


def _repair(lake: str, kind: Kind, reason: str, rows: pa.Table, outcome: Outcome) -> None:
    name, _, put_right = REPAIRS[reason]
    records: dict[tuple[str, str, int], Repaired] = {}
    for value in rows["value"].to_pylist():
        try:
            fields = put_right(decode(value, Fields))
            who = (fields["vehicle_id"], fields["boot_id"], fields["seq"]) if fields else None
        except (Malformed, KeyError, TypeError, AttributeError):
            fields = who = None
        if fields is None or who is None:
            outcome.left[reason] += 1
        else:
            records[who] = Repaired(kind, who[0], encode(fields | {"repaired": name}))
    for who in _accepted(lake, kind, {who[0] for who in records}) & records.keys():
        del records[who]
        outcome.left["accepted before"] += 1
    believed = _judged(kind, list(records.values()))
    outcome.left.update(why for why in believed if why is not None)
    outcome.records.extend(record for record, why in zip(records.values(), believed, strict=True) if why is None)


def _accepted(lake: str, kind: Kind, vehicles: set[str]) -> set[tuple[str, str, int]]:
    rows = arrow(lake, SILVER_OF[kind], [*Sender._fields, "seq"], ds.field("vehicle_id").isin(sorted(vehicles)))
    return set(zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True))


def _judged(kind: Kind, records: list[Repaired]) -> list[str | None]:
    """What silver would say of each: None, or its reason."""
    if not records:
        return []
    columns = {name: pa.nulls(len(records), BRONZE.field(name).type) for name in BRONZE.names}
    columns["cluster"] = columns["topic_id"] = pa.repeat("", len(records))
    columns["partition"] = pa.array(np.zeros(len(records), np.int32))
    columns["offset"] = pa.array(np.arange(len(records)))
    columns["key"] = pa.array([record.vehicle_id for record in records], pa.string())
    columns["value"] = pa.array([record.value for record in records], pa.binary())
    outcome = refine(pa.table(columns, schema=BRONZE), kind, {}, np.zeros(len(records), np.int64))
    reasons: list[str | None] = [None] * len(records)
    for row in outcome.quarantine.select(["offset", "reason"]).to_pylist():
        reasons[row["offset"]] = row["reason"]
    return reasons
