"""What a process measured of its own run, and how the runs of several processes become one."""

import resource
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from simulators.lags import Lags

LAGS = ("send", "ack", "connect", "handed", "busy")
BUSY_CPU = 0.9
"""A worker that used this share of a core, or waited for one, had no room to see or send in time."""
MOST_LATE = 0.01


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did; also the live progress, every second, as `progress.json` in the ledger folder.

    Counts are messages of all kinds: `published` got a seq; `acknowledged` are PUBACKs of the broker, resends included;
    `held` and `safe` were ever told so; `pending` are neither safe nor dropped; `late` were first sent more than 100 ms after
    they were due. Lags (ms) are from the instant a message was due to its first send, `puback` from a send to its PUBACK.
    """

    vehicles: int
    connected: int
    published: int
    acknowledged: int
    refused: int
    held: int
    safe: int
    pending: int
    resent: int
    dropped: int
    dropped_held: int
    late: int
    send_lag_p50_ms: float | None
    send_lag_p99_ms: float | None
    send_lag_max_ms: float | None
    puback_p50_ms: float | None
    puback_p99_ms: float | None
    seconds: float
    cpu_s: float
    finished: bool


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One process. `lags` are packed histograms by name of LAGS; `waited_s` is the time it was ready to run and had no core.

    `handed_late` messages were late because this process was, whatever the broker did; `connect_s` is how long it took until
    all vehicles were connected; `why` is the last reason why a connection was lost, and empty where all stand.
    """

    summary: Summary
    lags: dict[str, str]
    errors: dict[str, int]
    handed_late: int
    connects: int
    connect_s: float
    waited_s: float
    peak_bytes: int
    why: str = ""

    @property
    def overloaded(self) -> bool:
        """Whether this process, and not what it loaded, was the limit."""
        share = (self.summary.cpu_s + self.waited_s) / max(self.summary.seconds + self.connect_s, 1e-3)
        return share >= BUSY_CPU or self.handed_late > MOST_LATE * max(self.summary.published, 1)


def waited_s() -> float:
    """How long this process was ready to run but had no core (s), since its start; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def peak_bytes() -> int:
    """The most memory that this process ever had (bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def joined(lags: Iterable[str]) -> Lags:
    """One histogram of several packed ones."""
    total = Lags()
    for packed in lags:
        total.join(packed)
    return total


def errors(reasons: Iterable[dict[str, int]]) -> dict[str, int]:
    """Errors by kind over all processes, the most frequent first."""
    total: Counter[str] = Counter()
    for one in reasons:
        total.update(one)
    return dict(total.most_common())


def total(parts: Sequence[Summary]) -> Summary:
    """The sums of counts over processes; lags are the worst of them, seconds the longest. At least one part."""
    if len(parts) == 1:
        return parts[0]
    values: dict[str, object] = {}
    for name in Summary.__struct_fields__:
        known = [getattr(part, name) for part in parts]
        if name.endswith("_ms") or name == "seconds":
            values[name] = max((one for one in known if one is not None), default=None)
        else:
            values[name] = all(known) if name == "finished" else sum(known)
    return msgspec.convert(values, Summary)
