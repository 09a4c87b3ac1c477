"""Ledger, progress, metrics and what was measured of a run, about every second and at its end."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from simulators.ledger import replace, write_ledger
from simulators.measured import LAGS, Measured, Summary, peak_bytes, waited_s
from simulators.metrics import Metrics
from simulators.mqtt_packets import describe
from simulators.publish import Publisher
from simulators.settings import Settings

PROGRESS = "progress.json"


class Watch:
    """Ledger, progress and metrics of a run, about every second and at the end."""

    def __init__(self, publisher: Publisher, settings: Settings, progress: Callable[[Summary], None] | None) -> None:
        self._publisher, self._progress = publisher, progress
        self._folder = Path(settings.ledger) if settings.ledger else None
        name = f"ledger-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}.jsonl"
        self._ledger = self._folder / name if self._folder else None
        self._metrics = Metrics(settings.metrics_port)
        self._cpu_s, self._waited_s, self._start_s = time.process_time(), waited_s(), time.monotonic()
        self._connect_s = 0.0
        self._measured: Measured | None = None

    def begin(self) -> None:
        """The first frame is due now."""
        now = time.monotonic()
        self._connect_s, self._start_s = now - self._start_s, now

    def tick(self, *, finished: bool = False) -> Summary:
        """Write everything as it stands."""
        summary = self._summary(finished=finished)
        self._metrics.show(summary.published, summary.acknowledged, summary.refused, summary.pending)
        if self._folder and self._ledger:
            write_ledger(self._ledger, self._publisher.sensors)
            replace(self._folder / PROGRESS, msgspec.json.encode(summary))
        if self._progress:
            self._progress(summary)
        return summary

    def end(self) -> Summary:
        """The last summary."""
        return self.tick(finished=True)

    def measured(self) -> Measured:
        """All that was measured until the first call of this: leaving is no part of it."""
        if self._measured is None:
            of = self._publisher
            lags = dict(zip(LAGS, (of.tally.send_lag, of.tally.puback, of.connect_lag, of.handed_lag, of.busy), strict=True))
            refused = {f"message refused: {describe(code)}": count for code, count in of.tally.reasons.items()}
            unread = {"ack not readable": of.tally.malformed_acks} if of.tally.malformed_acks else {}
            self._measured = Measured(
                summary=self._summary(finished=True),
                lags={name: one.packed() for name, one in lags.items()},
                errors=dict(of.errors) | refused | unread,
                handed_late=of.handed_late,
                connects=of.connect_lag.count,
                connect_s=round(self._connect_s, 3),
                waited_s=round(waited_s() - self._waited_s, 3),
                peak_bytes=peak_bytes(),
                why=of.dialler.why if of.tally.connected < len(of.sensors) else "",
            )
        return self._measured

    def _summary(self, *, finished: bool) -> Summary:
        tally, boxes = self._publisher.tally, [box for sensor in self._publisher.sensors for box in sensor.boxes]
        return Summary(
            vehicles=len(self._publisher.sensors),
            connected=tally.connected,
            published=sum(box.published for box in boxes),
            acknowledged=tally.acknowledged,
            refused=tally.refused,
            held=sum(len(box.held) for box in boxes),
            safe=sum(len(box.safe) for box in boxes),
            pending=sum(box.pending for box in boxes),
            resent=tally.resent,
            dropped=sum(len(box.dropped) for box in boxes),
            dropped_held=sum(box.dropped_held for box in boxes),
            late=tally.late,
            send_lag_p50_ms=_ms(tally.send_lag.percentile(50)),
            send_lag_p99_ms=_ms(tally.send_lag.percentile(99)),
            send_lag_max_ms=_ms(tally.send_lag.percentile(100)),
            puback_p50_ms=_ms(tally.puback.percentile(50)),
            puback_p99_ms=_ms(tally.puback.percentile(99)),
            seconds=round(time.monotonic() - self._start_s, 3),
            cpu_s=round(time.process_time() - self._cpu_s, 3),
            finished=finished,
        )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
