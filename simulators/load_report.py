"""The figures of a load test, from what its processes measured, and whether the generator itself was the limit."""

import re
from collections.abc import Sequence

from contracts import report
from simulators.lags import Lags
from simulators.measured import LAGS, Measured, errors, joined, total

Figures = dict[str, tuple[float | int | None, str]]
PERCENTS = (("p50", 50.0), ("p95", 95.0), ("p99", 99.0), ("p99_9", 99.9), ("max", 100.0))


def figures(parts: Sequence[Measured], parent_cpu_s: float = 0.0) -> Figures:
    """Figures by key. `parent_cpu_s` is what a process that only looked after the workers used."""
    summary = total([part.summary for part in parts])
    cpu_s = summary.cpu_s + (parent_cpu_s if len(parts) > 1 else 0.0)
    lags = {name: joined(part.lags[name] for part in parts) for name in LAGS}
    sent = lags["send"].count
    longest_s = max(part.summary.seconds for part in parts)
    connect_s = max(part.connect_s for part in parts)
    found: Figures = {
        "vehicles": (summary.vehicles, "vehicles, a connection each"),
        "seconds": (longest_s, "s from the first due instant to the end of the drain"),
        "published": (summary.published, "messages that got a sequence number"),
        "sent": (sent, "messages, first sends"),
        "acknowledged": (summary.acknowledged, "PUBACKs, resends included"),
        "safe": (summary.safe, "messages that were told safe"),
        "not_safe": (summary.pending, "messages at the end"),
        "dropped": (summary.dropped, "messages that left a full outbox"),
        "resent": (summary.resent, "messages sent again"),
        "refused": (summary.refused, "messages that the broker refused"),
        "late": (summary.late, "messages first sent more than 100 ms after they were due"),
        "late_by_generator": (sum(part.handed_late for part in parts), "of these: messages that the generator itself was late to send"),
        "publish_per_s": (_rate(sent, longest_s), "messages a second"),
        "connects": (sum(part.connects for part in parts), "connections made"),
        "connect_per_s": (_rate(summary.vehicles, connect_s), "connections a second until all stood"),
    }
    found |= _percentiles("send_lag", lags["send"], "from the instant a message was due to its first send")
    found |= _percentiles("ack", lags["ack"], "from a send to its PUBACK")
    found |= _percentiles("connect", lags["connect"], "from the start of a connect to its success")
    kinds = errors(part.errors for part in parts)
    found["errors"] = (sum(kinds.values()), "connections lost or not had, and messages refused")
    found |= {f"error_{_slug(kind)}": (count, kind) for kind, count in kinds.items()}
    return found | {
        "workers": (len(parts), "processes"),
        "generator_cpu_s": (round(cpu_s, 3), "CPU seconds of all generator processes"),
        "generator_waited_s": (round(sum(part.waited_s for part in parts), 3), "s that they were ready to run and had no core"),
        "generator_peak_bytes": (sum(part.peak_bytes for part in parts), "bytes, sum of the processes' peaks"),
        "generator_loop_p99_ms": (_ms(lags["busy"], 99.0), "ms that a turn of the generator's loop took"),
        "messages_per_cpu_s": (_rate(sent, cpu_s), "messages a CPU second of the generator"),
        "generator_limited": (int(any(part.overloaded for part in parts)), "1 where the generator, not the system under test, was the limit"),
    }


def make(parts: Sequence[Measured], parent_cpu_s: float = 0.0) -> report.Report:
    """The report; passed where everything that was published is safe."""
    summary = total([part.summary for part in parts])
    return report.make("simulate", figures(parts, parent_cpu_s), not (summary.pending or summary.dropped))


def warning(parts: Sequence[Measured]) -> str:
    """One sentence where the generator was the limit; empty where it was not."""
    slow = [part for part in parts if part.overloaded]
    if not slow:
        return ""
    share = max((part.summary.cpu_s + part.waited_s) / max(part.summary.seconds + part.connect_s, 1e-3) for part in slow)
    late = sum(part.handed_late for part in slow)
    return (
        f"the generator was the limit, not the system under test: {len(slow)} of {len(parts)} processes used or waited for up to {share:.0%} of a "
        f"core and were late with {late} messages themselves; use more --workers, or more machines with --shard"
    )


def unsafe(parts: Sequence[Measured]) -> str:
    """One sentence where something is not safe at the end, with the reason where it is known; else empty."""
    summary = total([part.summary for part in parts])
    if not (summary.pending or summary.dropped):
        return ""
    why = next((part.why for part in parts if part.why), "")
    text = f"{summary.pending} messages are not safe and {summary.dropped} were dropped"
    return f"{text}: the broker was lost ({why})" if why else text


def _percentiles(name: str, lags: Lags, what: str) -> Figures:
    return {f"{name}_{word}_ms": (_ms(lags, percent), f"ms {what}") for word, percent in PERCENTS}


def _ms(lags: Lags, percent: float) -> float | None:
    value = lags.percentile(percent)
    return None if value is None else round(value * 1000, 3)


def _rate(count: float, seconds: float) -> float | None:
    return round(count / seconds, 1) if seconds else None


def _slug(kind: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", kind.lower()).strip("_")[:60]
