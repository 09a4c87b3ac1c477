"""Write and read the online features in Redis, in Feast's layout, without Feast. Redis gone: Transient."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from contracts.errors import Terminal, Transient
from features import layout
from features.standing import Standing
from features.transforms import EVENT_TIME, JOIN_KEY, KNOWN_TIME, TTLS, VEHICLE_LIVE, VEHICLE_LIVE_FEATURES

TIME = pa.timestamp("us", tz="UTC")
CHUNK_ROWS = 4096
PATIENCE_S = 5.0
_ENDLESS_US = 1 << 62
_NO_FEATURES = frozenset([JOIN_KEY, EVENT_TIME, KNOWN_TIME])


def connect(redis_url: str) -> "redis.Redis":
    """A client for `redis://[user:password@]host:port[/db]`. Connects at the first command. Raises Terminal for a malformed address."""
    once = Retry(NoBackoff(), 1)  # a connection that went stale is made again; waiting is the caller's, who shows it
    try:
        return redis.Redis.from_url(redis_url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S, protocol=2, retry=once)
    except ValueError as error:
        raise Terminal(f"the address of Redis is malformed: {error}; it looks like redis://127.0.0.1:6379/0") from None


@contextmanager
def reached() -> Iterator[None]:
    """What Redis does not answer becomes Transient; what it refuses, Terminal where a person is needed."""
    try:
        yield
    except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
        raise Terminal(f"Redis refuses this client: {error}; give its user and password in the address") from error
    except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
        raise Transient(f"Redis does not answer: {error}") from error
    except redis.ResponseError as error:
        raise Transient(f"Redis refused a command: {error}") from error


class OnlineWriter:
    """Writes rows of feature views, one round trip a batch; a row replaces what its vehicle had in that view, at once.

    The caller is the only writer of a vehicle and gives its rows in the order of `(event_ts, known_at)`. A row older than what
    stands in Redis from before this writer, which a restart may bring, is passed over: an older event never overwrites a newer.
    """

    def __init__(self, redis_url: str, view: str = VEHICLE_LIVE) -> None:
        """The connection is made at the first write."""
        self._client = connect(redis_url)
        self._view = view
        self._standing = Standing()
        self._run_id: str | None = None

    def write(self, rows: pa.Table) -> bool:
        """Write rows of the writer's own view: see `write_views`."""
        return self.write_views({self._view: rows})

    def write_views(self, views: Mapping[str, pa.Table]) -> bool:
        """Write rows by view: `vehicle_id`, `event_ts`, `known_at`, features; several of a vehicle are applied in order.

        True where the Redis that answered is not the one of the last write that succeeded (always at the first): it may be
        empty, and the caller then writes its whole state. Raises Transient where Redis does not answer: what was written
        then is unknown, and writing the same rows again is right.
        """
        with reached():
            connection = self._client.connection_pool.get_connection()
            try:
                self._learn(connection, views)
                newer = {view: self._standing.newer(view, rows) for view, rows in views.items()}
                run_id = self._exchange(connection, newer)
            except BaseException:
                connection.disconnect()
                raise
            finally:
                self._client.connection_pool.release(connection)
        another = run_id != self._run_id
        if another and self._run_id is not None:
            self._standing = Standing()
        self._run_id = run_id
        return another

    def _learn(self, connection: "redis.Connection", views: Mapping[str, pa.Table]) -> None:
        """Ask what stands of vehicles that this writer writes for the first time."""
        for view, rows in views.items():
            unknown = self._standing.unknown(view, rows)
            fields = [layout.event_time_field(view), layout.known_time_field(view)]
            connection.send_packed_command(
                connection.pack_commands([("HMGET", layout.entity_key(vehicle), *fields) for vehicle in unknown]) if unknown else []
            )
            for vehicle in unknown:
                found = _reply(connection)
                if isinstance(found, redis.ResponseError):
                    raise found
                self._standing.learn(view, vehicle, [layout.decode_time(value) for value in found])

    def _exchange(self, connection: "redis.Connection", views: Mapping[str, pa.Table]) -> str:
        """All commands out, then all replies in; the run id is asked on the same connection, so it is of the server that wrote."""
        for view, rows in views.items():
            features = [name for name in rows.column_names if name not in _NO_FEATURES]
            for at in range(0, rows.num_rows, CHUNK_ROWS):
                connection.send_packed_command([layout.encode(rows.slice(at, CHUNK_ROWS), view, features)])
        connection.send_command("INFO", "server")
        replies = [_reply(connection) for rows in views.values() for _ in range(rows.num_rows)]
        information = _reply(connection)
        refused = next((reply for reply in [*replies, information] if isinstance(reply, redis.ResponseError)), None)
        if refused is not None:
            raise refused
        return next(line.partition(b":")[2].decode() for line in information.splitlines() if line.startswith(b"run_id:"))

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()


def _reply(connection: "redis.Connection") -> Any:
    """One reply; a refusal is a value, so that the replies behind it are read too."""
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error


class Reader:
    """Reads some features of one view straight from Redis: all that can be made ready once is."""

    def __init__(self, client: "redis.Redis", features: Sequence[str] = VEHICLE_LIVE_FEATURES, view: str = VEHICLE_LIVE) -> None:
        """`client` as from `connect`; its connections are used one at a time."""
        self._client, self._view, self.features = client, view, tuple(features)
        named = [*(layout.feature_field(view, feature) for feature in features), layout.event_time_field(view), layout.known_time_field(view)]
        self._head = b"*%d\r\n$5\r\nHMGET\r\n" % (len(named) + 2)
        self._tail = b"".join(b"$%d\r\n%s\r\n" % (len(field), field) for field in named)
        self._ttl_us = int(TTLS[view].total_seconds() * 1_000_000) if view in TTLS else _ENDLESS_US

    def read(self, vehicle_ids: Sequence[str], now: datetime | None = None) -> "Values":
        """The values of vehicles in the given order, in one round trip. Raises Transient where Redis does not answer, Terminal for no number."""
        with reached():
            rows = self._ask([layout.entity_key(vehicle) for vehicle in vehicle_ids])
        count = len(self.features)
        try:
            known = b"".join(layout.plain_double(value) for row in rows for value in row[:count])
        except ValueError as error:
            raise Terminal(
                f"an online value of {self._view} is not what this version writes: {error}; apply the feature repo and let the flow fill Redis"
            ) from None
        numbers = np.frombuffer(known, "<f8").reshape(len(rows), count)
        event, clock = (layout.decode_times([row[place] for row in rows]) for place in (-2, -1))
        now_us = int((now or datetime.now(UTC)).timestamp() * 1_000_000)
        stale = (event > 0) & (now_us - event > self._ttl_us)
        if stale.any():
            numbers = np.where(stale[:, None], np.nan, numbers)
        return Values(numbers, event, clock, stale, now_us)

    def _ask(self, keys: Sequence[bytes]) -> list[list[bytes | None]]:
        connection = self._client.connection_pool.get_connection()
        try:
            connection.send_packed_command([b"".join(self._head + b"$%d\r\n%s\r\n" % (len(key), key) + self._tail for key in keys)])
            rows = [_reply(connection) for _ in keys]
        except BaseException:
            connection.disconnect()
            raise
        finally:
            self._client.connection_pool.release(connection)
        refused = next((row for row in rows if isinstance(row, redis.ResponseError)), None)
        if refused is not None:
            raise refused
        return rows


class Values(NamedTuple):
    """What one read gave: numbers of the shape (vehicles, features), NaN for null, stale or missing; times in microseconds, 0 for none."""

    numbers: np.ndarray
    event_us: np.ndarray
    known_us: np.ndarray
    stale: np.ndarray
    now_us: int

    def states(self) -> list[str]:
        """Of each vehicle: "fresh", "stale" past the view's ttl, or "missing"."""
        return np.where(self.event_us == 0, "missing", np.where(self.stale, "stale", "fresh")).tolist()


def read(
    client: "redis.Redis",
    vehicle_ids: Sequence[str],
    features: Sequence[str] = VEHICLE_LIVE_FEATURES,
    view: str = VEHICLE_LIVE,
    *,
    now: datetime | None = None,
) -> pa.Table:
    """The online rows of vehicles, in the given order, one round trip, straight from Redis.

    Columns: `vehicle_id`, the features (64-bit float, null where not known or past the view's ttl), `event_ts`, `known_at` (UTC,
    null for a vehicle that was never written; `known_at` also where Feast wrote it), `age_s` at `now`, and `state`: "fresh",
    "stale" past the view's ttl, or "missing". Raises Transient where Redis does not answer, Terminal for a value that is no number.
    """
    found = Reader(client, features, view).read(vehicle_ids, now)
    missing = found.event_us == 0
    age_s = (found.now_us - found.event_us) / 1_000_000
    return pa.table(
        {
            JOIN_KEY: pa.array(vehicle_ids, pa.string()),
            **{feature: pa.array(found.numbers[:, place], from_pandas=True) for place, feature in enumerate(features)},
            EVENT_TIME: pa.array(found.event_us, mask=missing).cast(TIME),
            KNOWN_TIME: pa.array(found.known_us, mask=found.known_us == 0).cast(TIME),
            "age_s": pa.array(age_s, mask=missing),
            "state": pa.array(found.states(), pa.string()),
        }
    )
