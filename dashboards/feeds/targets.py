"""What the other processes measure of themselves: their metrics, read every five seconds, the last half hour kept."""

import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterator, Mapping

from prometheus_client.parser import text_string_to_metric_families

from dashboards.board import Board, Sample

EVERY_S = 5.0
KEPT_S = 1800.0
PATIENCE_S = 2.0
_WANTED = (
    "_received_total",
    "_sent_total",
    "_rejected_total",
    "_errors_total",
    "_queue_age_seconds",
    "_spool_bytes",
    "_batch_seconds_sum",
    "_batch_seconds_count",
)
_ALSO = ("_outbox_messages", "_connected", "_lag", "_drift", "_freshness")
_HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class TargetsFeed:
    """Reads every process in turn."""

    name = "targets"
    pause_s = EVERY_S

    def __init__(self, targets: Mapping[str, str], board: Board) -> None:
        """`targets`: the address of each process's metrics, by its name."""
        self._targets = targets
        self._board = board
        for name in targets:
            board.samples[name] = deque(maxlen=int(KEPT_S / EVERY_S))

    def round(self) -> str:
        """Read all once."""
        for name, address in self._targets.items():
            self._board.samples[name].append(Sample(time.time_ns() // 1_000_000, dict(_read(address))))
        return f"reading {len(self._targets)} processes"

    def close(self) -> None:
        """Nothing is held."""


def _read(address: str) -> Iterator[tuple[str, float]]:
    try:
        with _HTTP.open(address, timeout=PATIENCE_S) as answer:
            text = answer.read().decode()
    except (OSError, urllib.error.URLError, UnicodeDecodeError):
        return
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.endswith(_WANTED) or any(part in sample.name for part in _ALSO):
                labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
                yield (f"{sample.name}{{{labels}}}" if labels else sample.name), sample.value
