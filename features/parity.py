"""Is a feature the same number live and in training? Read online through Feast, note the instant, ask history for that instant.

A row of `vehicle_windows` says its instant itself: all revisions up to it are final. A row of `vehicle_live` is the newest frame
at the Kafka time up to which the flow had read. What changed while it was read is left out, and counted; so is what was older than its
view's ttl when it became known. Kafka's time has milliseconds: where several frames of a vehicle share one, it does not say which of them
had been read, and the instant is no question for history.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features import computed, online, transforms
from features.transforms import EVENT_TIME, JOIN_KEY, KNOWN_TIME, TTLS, VEHICLE_LIVE, VEHICLE_LIVE_FEATURES, WINDOW_FEATURES, WINDOWS_VIEW
from features.windows import Questions
from lakehouse import reader
from lakehouse.positions import position
from lakehouse.tail import sources

if TYPE_CHECKING:
    import redis
    from feast import FeatureStore

VIEWS: dict[str, tuple[str, ...]] = {VEHICLE_LIVE: VEHICLE_LIVE_FEATURES, WINDOWS_VIEW: WINDOW_FEATURES}
INSTANT = "event_timestamp"
TABLES = {VEHICLE_LIVE: "silver.telemetry", WINDOWS_VIEW: "gold.vehicle_minutes"}
_TIME = pa.timestamp("us", tz="UTC")
_EXAMPLES = 5


class Difference(msgspec.Struct, frozen=True):
    """One value that is not the same."""

    vehicle_id: str
    instant: str
    feature: str
    online: float | None
    offline: float | None


class Parity(msgspec.Struct, frozen=True):
    """What the comparison of one view came to, in vehicle-instants; `revised` ones were changed by data that came late."""

    view: str
    instants: int
    equal: int
    without_null: int
    revised: int
    features: int
    examples: list[Difference]


class Moment(NamedTuple):
    """What one look gave: rows by view, each with its instant, and how many vehicles changed meanwhile."""

    rows: dict[str, pa.Table]
    changing: int


def observe(store: "FeatureStore", client: "redis.Redis", vehicles: Sequence[str]) -> Moment:
    """Read all compared features of vehicles through Feast. Raises Transient where Redis does not answer."""
    before = {view: _times(client, vehicles, view) for view in VIEWS}
    refs = [f"{view}:{feature}" for view, features in VIEWS.items() for feature in features]
    answer = store.get_online_features(features=refs, entity_rows=[{JOIN_KEY: vehicle} for vehicle in vehicles])
    found, proto = answer.to_dict(), answer.proto
    names = list(proto.metadata.feature_names.val)
    changing, rows = 0, {}
    for view, features in VIEWS.items():
        stamps = np.array([stamp.ToMicroseconds() for stamp in proto.results[names.index(features[0])].event_timestamps])
        event, known = before[view]
        after = _times(client, vehicles, view)
        there = stamps > 0
        fresh = there & (np.maximum(event, known) - event <= TTLS[view].total_seconds() * 1_000_000)
        still = fresh & (stamps == event) & (event == after[0]) & (known == after[1])
        changing += int(np.sum(fresh & ~still))
        columns = {feature: pa.array(found[feature], pa.float64()) for feature in features}
        instants = pa.array(np.maximum(event, known), pa.int64()).cast(_TIME)
        rows[view] = pa.table({JOIN_KEY: pa.array(vehicles, pa.string()), INSTANT: instants, **columns}).filter(pa.array(still))
    return Moment(rows, changing)


def gathered(moments: Sequence[Moment]) -> dict[str, pa.Table]:
    """All looks together, each vehicle-instant once."""
    together = {view: pa.concat_tables([moment.rows[view] for moment in moments]) for view in VIEWS}
    return {view: _once(rows) for view, rows in together.items()}


def save(rows: Mapping[str, pa.Table], folder: Path) -> None:
    """One Parquet file a view, for a process of its own that asks history."""
    folder.mkdir(parents=True, exist_ok=True)
    for view, table in rows.items():
        pq.write_table(table, folder / f"{view}.parquet")


def load(folder: Path) -> dict[str, pa.Table]:
    """What `save` wrote."""
    return {view: pq.read_table(folder / f"{view}.parquet") for view in VIEWS}


def reached(lake: str, rows: Mapping[str, pa.Table]) -> bool:
    """Whether the lake holds all that was known at the instants: each partition's clock has passed them."""
    for view, observed in rows.items():
        if not observed.num_rows:
            continue
        table = reader.open_table(lake, TABLES[view])
        homes = reader.arrow(lake, TABLES[view], [JOIN_KEY, "partition"]).filter(pc.field(JOIN_KEY).isin(pc.unique(observed[JOIN_KEY])))
        partitions = set(pc.unique(homes["partition"]).to_pylist())
        last_ms = pc.max(observed[INSTANT].cast(pa.int64())).as_py() // 1000
        clocks: dict[int, int] = {}
        for source in sources(reader.open_table(lake, "silver.telemetry")):
            clocks[source.partition] = max(clocks.get(source.partition, 0), position(table, source).clock_ms)
        if any(clocks.get(partition, 0) <= last_ms for partition in partitions) or not partitions:
            return False
    return True


def compare(store: "FeatureStore", lake: str, rows: Mapping[str, pa.Table]) -> list[Parity]:
    """Ask history for every observed vehicle-instant and compare to the last bit."""
    return [_compare(store, lake, view, _without_ties(lake, observed) if view == VEHICLE_LIVE else observed) for view, observed in rows.items()]


def _without_ties(lake: str, observed: pa.Table) -> pa.Table:
    """The instants that belong to one frame of their vehicle at most."""
    asked = pc.field(JOIN_KEY).isin(pc.unique(observed[JOIN_KEY])) & pc.field(KNOWN_TIME).isin(pc.unique(observed[INSTANT]))
    frames = reader.arrow(lake, TABLES[VEHICLE_LIVE], [JOIN_KEY, KNOWN_TIME], asked)
    counted = frames.group_by([JOIN_KEY, KNOWN_TIME]).aggregate([([], "count_all")])
    ties = counted.filter(pc.greater(counted["count_all"], 1)).select([JOIN_KEY, KNOWN_TIME])
    return observed.join(ties, [JOIN_KEY, INSTANT], [JOIN_KEY, KNOWN_TIME], join_type="left anti") if ties.num_rows else observed


def _compare(store: "FeatureStore", lake: str, view: str, observed: pa.Table) -> Parity:
    features = VIEWS[view]
    entities = observed.select([JOIN_KEY, INSTANT]).to_pandas()
    refs = [f"{view}:{feature}" for feature in features]
    history = store.get_historical_features(entity_df=entities, features=refs).to_arrow() if observed.num_rows else observed
    same, whole = np.ones(observed.num_rows, bool), np.ones(observed.num_rows, bool)
    examples: list[Difference] = []
    for feature in features:
        ours, theirs = (pc.fill_null(table[feature], np.nan).to_numpy() for table in (observed, history))
        equal = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
        whole &= ~np.isnan(ours)
        same &= equal
        for row in np.flatnonzero(~equal)[: _EXAMPLES - len(examples)].tolist():
            examples.append(_difference(observed, history, row, feature))
    return Parity(view, observed.num_rows, int(same.sum()), int(whole.sum()), _revised(lake, view, observed), len(features), examples)


def _difference(observed: pa.Table, history: pa.Table, row: int, feature: str) -> Difference:
    at = observed[INSTANT][row].as_py().isoformat()
    return Difference(observed[JOIN_KEY][row].as_py(), at, feature, observed[feature][row].as_py(), history[feature][row].as_py())


def _revised(lake: str, view: str, observed: pa.Table) -> int:
    """Vehicle-instants whose windows would be others without the data that came after their minute had ended."""
    if view != WINDOWS_VIEW or not observed.num_rows:
        return 0
    columns = [JOIN_KEY, "minute", KNOWN_TIME, *transforms.minute_columns(WINDOW_FEATURES)]
    rows = reader.arrow(lake, TABLES[view], columns, pc.field(JOIN_KEY).isin(pc.unique(observed[JOIN_KEY])))
    end = pc.add(rows["minute"], pa.scalar(60_000_000, pa.duration("us")))
    asked = Questions(observed[JOIN_KEY].combine_chunks(), observed[INSTANT].cast(pa.int64()).to_numpy())
    punctual = computed.VIEWS[view].figures(rows.filter(pc.equal(rows[KNOWN_TIME], end)), asked, WINDOW_FEATURES)
    changed = np.zeros(observed.num_rows, bool)
    for feature in WINDOW_FEATURES:
        ours, theirs = (
            pc.fill_null(column, np.nan).to_numpy(zero_copy_only=False) for column in (observed[feature].combine_chunks(), punctual[feature])
        )
        changed |= ~((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)))
    return int(changed.sum())


def _times(client: "redis.Redis", vehicles: Sequence[str], view: str) -> tuple[np.ndarray, np.ndarray]:
    """Event time and Kafka time (microseconds, 0 where there is none) of each vehicle's row."""
    rows = online.read(client, vehicles, [], view)
    event, known = (pc.fill_null(rows[name].cast(pa.int64()), 0).to_numpy() for name in (EVENT_TIME, KNOWN_TIME))
    return event, known


def _once(rows: pa.Table) -> pa.Table:
    places = pa.table({**{name: rows[name] for name in (JOIN_KEY, INSTANT)}, "place": np.arange(rows.num_rows)})
    first = places.group_by([JOIN_KEY, INSTANT], use_threads=False).aggregate([("place", "min")])
    return rows.take(first["place_min"])
