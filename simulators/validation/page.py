"""The page docs/validation.md, and what it says about misses."""

from collections.abc import Sequence
from pathlib import Path

from simulators.physics.models import fits
from simulators.validation.plots import draw
from simulators.validation.section import Goal, Section, Skipped, Table

_HEAD = """# Validation of the physics

Written by `make validate`: the shipped parameters against measured cars. Do not edit by hand.

Parameters are fitted on one part of the data and judged on the other. Test part: drives whose number, EPA tests and sessions whose running
number (row in the file, from 1) is divisible by 4. The figures below are of records that no fit saw; those of the fit part stand
beside them for comparison. With `DATA=DIR` the same shipped parameters are judged on another folder of that layout; nothing is fitted then.
"""


def _bound(goal: Goal, value: float | None) -> str:
    return "" if value is None else f"{'≤' if goal.most else '≥'} {value:g} {goal.unit}".strip()


def _verdict(goal: Goal) -> str:
    if not goal.reaches(goal.must):
        return "**misses**"
    return "aim reached" if goal.reaches(goal.aim) else "must reached, aim missed"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def _summary(sections: Sequence[Section | Skipped]) -> str:
    rows = []
    for section in sections:
        if isinstance(section, Skipped):
            rows.append((section.title, f"skipped: {section.reason}", "", "", "", "", ""))
            continue
        for goal in section.goals:
            value = f"{goal.value:.3g} {goal.unit}".strip()
            rows.append((section.title, goal.label, f"`{goal.key}`", value, _bound(goal, goal.must), _bound(goal, goal.aim), _verdict(goal)))
    return _table(("against", "figure", "key", "value", "must", "aim", "verdict"), rows)


def _detail(section: Section, out: Path, folder: Path) -> str:
    parts = [f"## {section.title}\n", section.text + "\n"]
    if section.figures:
        parts.append(
            _table(("further figure", "value", "of"), [(f"`{key}`", f"{value:.4g}", unit) for key, (value, unit) in section.figures.items()])
        )
    for plot in section.plots:
        parts.append(f"![{plot.title}]({draw(plot, folder).relative_to(out.parent).as_posix()})\n")
    parts += [_folded(table) for table in section.tables]
    return "\n".join(parts)


def _folded(table: Table) -> str:
    return f"<details><summary>{table.title}</summary>\n\n{_table(table.header, table.rows)}\n</details>\n"


def _fitted() -> str:
    parts = ["## Fitted parameters\n", "Shipped in `simulators/physics/fitted.yaml`; made by `python -m simulators.validation fit`.\n"]
    for name, fit in fits().items():
        rows = [(parameter, f"{value:g}") for parameter, value in fit.values.items()]
        parts.append(_folded(Table(f"{name}: {fit.source}", ("parameter", "value"), rows)))
    return "\n".join(parts)


def write(sections: Sequence[Section | Skipped], notes: str, out: Path) -> None:
    """Write the page to `out` and its plots to the folder `validation` beside it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = out.parent / "validation"
    details = [_detail(section, out, folder) for section in sections if isinstance(section, Section)]
    out.write_text("\n".join([_HEAD, _summary(sections), "## What misses, and why\n", notes, *details, _fitted()]))
