"""An audit for a person and for a machine."""

from rich.console import Console
from rich.table import Table

from contracts.report import Report, make
from voltlake.audit.verdict import Verdict


def report(verdict: Verdict) -> Report:
    """The figures of an audit in the one shape for machines."""
    figures: dict[str, tuple[float | int | None, str]] = {
        "lost": (verdict.lost, "messages"),
        "duplicated": (verdict.duplicated, "messages"),
        "rejected": (verdict.rejected, "messages"),
        "in_flight": (verdict.in_flight, "messages"),
        "messages": (verdict.messages, "messages"),
    }
    return make("audit", figures, verdict.passed)


def show(verdict: Verdict, console: Console) -> None:
    """A table of the hops, what was refused and why, and what is lost."""
    table = Table("hop", "arrived", "on the way", "lost", "repeated", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for hop in verdict.hops:
        table.add_row(hop.name, *(f"{number:,}" for number in (hop.arrived, hop.in_flight, hop.lost, hop.repeated)))
    console.print(table)
    if verdict.reasons:
        console.print("refused: " + ", ".join(f"{count:,} {reason}" for reason, count in sorted(verdict.reasons.items())))
    for missing in verdict.missing[:20]:
        stream = missing.stream
        console.print(f"lost: {stream.vehicle_id} {stream.kind} {stream.boot_id}/{missing.seq}, last seen in: {missing.last_seen}")
    colour = "green" if verdict.passed else "red"
    console.print(
        f"[{colour}]{verdict.messages:,} messages: lost {verdict.lost:,}, duplicated {verdict.duplicated:,}, "
        f"rejected {verdict.rejected:,}, in flight {verdict.in_flight:,}[/]"
    )
