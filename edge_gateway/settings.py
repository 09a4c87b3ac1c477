"""What one gateway is told from outside: the `GATEWAY_` variables."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from contracts.errors import Terminal
from contracts.identity import GATEWAY_ID, REGION

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One gateway of one region."""

    id: str
    """Name of this gateway; must be the common name of its certificate, else ingest refuses all it sends (403)."""
    region: str
    """Region whose vehicles it serves; must stand in its certificate."""
    mqtt_port: Port
    ingest_url: str
    """`https://host:port` of ingest, or of anything that speaks the Kafka REST proxy's v2 produce format."""
    ca: Path
    cert: Path
    key: Path
    spool: Path
    """Folder of the spool, on a disk that keeps what fdatasync was told: losing it loses what is held but not yet safe."""
    mqtt_host: str = "127.0.0.1"
    spool_max_bytes: Positive = 4 * 2**30
    """Undelivered bytes at which the gateway stops acknowledging. Larger than the free disk and the disk sets the limit."""
    segment_bytes: Positive = 64 * 2**20
    metrics_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    commit_ms: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 10
    """How long a group commit waits for company. Longer: fewer fdatasyncs (each costs about 0.5 ms of CPU), later acknowledgements."""
    commit_records: Positive = 64
    """Messages that start a group commit before `commit_ms` is over. Above the broker's in-flight limit it never does."""
    receive_maximum: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 2000
    """Unacknowledged messages the broker may send at once: the back-pressure, and the bound on memory."""
    payload_max_bytes: Positive = 512 * 2**10
    """A larger payload becomes a rejection. Must stay below ingest's record limit after base64 (4/3) and the envelope."""
    batch_records: Positive = 500
    batch_bytes: Positive = 2**20
    batches_in_flight: Positive = 4
    linger_ms: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 40
    """How long a request waits for company. Longer: fewer requests (each costs 1 to 2 ms of CPU here and at ingest), later alerts."""
    compress_level: Annotated[int, msgspec.Meta(ge=0, le=9)] = 1
    """gzip level of a request; 0 sends it as it is."""
    request_timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    """Must outlast ingest's own delivery time-out, else a slow Kafka makes duplicates."""
    ack_interval_ms: Annotated[int, msgspec.Meta(ge=10)] = 1000
    drain_s: Annotated[float, msgspec.Meta(ge=0)] = 5.0
    """How long an orderly stop waits for deliveries under way; the rest stays on the spool."""


def check(settings: Settings) -> Settings:
    """The settings, or Terminal with a sentence for what `load` cannot see: names, the URL, files that are not there."""
    if not GATEWAY_ID.fullmatch(settings.id):
        raise Terminal(f"setting GATEWAY_ID is malformed: {settings.id!r} is not 1 to 24 of a-z, 0-9 and '-'")
    if not REGION.fullmatch(settings.region):
        raise Terminal(f"setting GATEWAY_REGION is malformed: {settings.region!r} is not 1 to 24 of a-z, 0-9 and '-'")
    url = urlsplit(settings.ingest_url)
    if url.scheme != "https" or not url.hostname:
        raise Terminal(f"setting GATEWAY_INGEST_URL is malformed: {settings.ingest_url!r} is not https://host:port")
    for name in ("ca", "cert", "key"):
        path: Path = getattr(settings, name)
        if not path.is_file():
            raise Terminal(f"setting GATEWAY_{name.upper()}: there is no file {path}; make the certificates first")
    return settings
