"""What ingest is told from outside: the `INGEST_` variables."""

from pathlib import Path
from typing import Annotated

import msgspec

from contracts.errors import Terminal

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One ingest process; any number of them may stand side by side."""

    port: Port
    ca: Path
    """The CA whose gateways may speak. Anyone who can make a certificate of it can write to Kafka."""
    cert: Path
    key: Path
    kafka: str
    """Bootstrap servers of the edge cluster."""
    host: str = "127.0.0.1"
    metrics_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    body_max_bytes: Positive = 8 * 2**20
    """Of a request as it travels, compressed or not."""
    decompressed_max_bytes: Positive = 32 * 2**20
    """Of a request once inflated; it is never inflated further than that."""
    record_max_bytes: Positive = 900_000
    """Of a record's value. Must stay below the topic's `max.message.bytes`, here and at the mirror."""
    in_flight_max_records: Positive = 100_000
    """Records that wait for Kafka's acknowledgement; beyond, gateways are asked to come back (429)."""
    requests_max: Positive = 64
    """Requests in hand at once; with `decompressed_max_bytes` the bound on memory."""
    body_timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    """How long a request's body may take to arrive; a stalled one holds one of `requests_max`."""
    delivery_timeout_ms: Annotated[int, msgspec.Meta(ge=100)] = 20_000
    """How long Kafka may take to acknowledge before the answer is 503. Must be less than the gateways' `request_timeout_s`."""
    linger_ms: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 2
    retry_after_s: Positive = 1
    drain_s: Annotated[float, msgspec.Meta(ge=0)] = 10.0
    """How long an orderly stop waits for requests in hand."""


def check(settings: Settings) -> Settings:
    """The settings, or Terminal with a sentence for what `load` cannot see."""
    for name in ("ca", "cert", "key"):
        path: Path = getattr(settings, name)
        if not path.is_file():
            raise Terminal(f"setting INGEST_{name.upper()}: there is no file {path}; make the certificates first")
    return settings
