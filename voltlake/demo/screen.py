"""What a person sees while the demo runs: one table, a row a hop, with rates."""

import msgspec
from rich.table import Table

from voltlake.demo.counters import Counts

HOPS = (
    ("published", "published by the vehicles", "messages that got a number"),
    ("safe", "told safe to them", "the edge Kafka has them"),
    ("spooled", "on the gateways' spools", "on disk, not yet delivered"),
    ("edge", "Kafka, edge", "all vehicle topics"),
    ("central", "Kafka, central", "mirrored exactly once"),
    ("bronze", "bronze", "rows, as they came"),
    ("silver", "silver", "rows, checked, typed, each once"),
    ("quarantined", "quarantine", "rows, with a reason"),
    ("gold", "gold", "vehicles with a current state"),
    ("online", "online features", "vehicles in Redis"),
    ("alerts", "alerts", "raised so far"),
)
LEVELS = {"spooled", "gold", "online"}
"""Not sums but levels: a rate of these means nothing."""


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One picture: counts now and some seconds ago."""

    counts: Counts
    before: Counts
    between_s: float
    passed_s: float
    title: str
    footer: str = ""


def table(frame: Frame) -> Table:
    """The picture as a table."""
    shown = Table(title=frame.title, caption=frame.footer, title_justify="left", caption_justify="left", pad_edge=False)
    shown.add_column(f"after {frame.passed_s:.0f} s")
    shown.add_column("count", justify="right")
    shown.add_column("a second", justify="right")
    shown.add_column("", style="dim")
    for name, label, note in HOPS:
        now, before = getattr(frame.counts, name), getattr(frame.before, name)
        rate = "" if name in LEVELS or now is None or before is None else f"{max(0, now - before) / max(frame.between_s, 0.001):,.0f}"
        shown.add_row(label, "-" if now is None else f"{now:,}", rate, note)
    return shown


def line(frame: Frame) -> str:
    """The picture in one line, for where there is no terminal."""
    parts = [f"{name} {value if (value := getattr(frame.counts, name)) is not None else '-'}" for name, _, _ in HOPS]
    return f"{frame.passed_s:5.0f} s  " + "  ".join(parts)
