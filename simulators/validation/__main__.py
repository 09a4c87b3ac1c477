"""`python -m simulators.validation [--data DIR] [--json FILE] [--out FILE]` judges; `python -m simulators.validation fit` fits anew."""

import argparse
import sys
from pathlib import Path

import msgspec

from contracts import report
from contracts.errors import Broken, Terminal
from simulators.validation import judge, judge_i3, recordings
from simulators.validation.notes import NOTES
from simulators.validation.section import Section, Skipped

ROOT = Path(__file__).parents[2]
BESIDE = ROOT.parent / "shared" / "data"
FITTED = ROOT / "simulators" / "physics" / "fitted.yaml"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulators.validation", description="The simulator's physics against measured cars.")
    parser.add_argument("what", nargs="?", choices=("judge", "fit"), default="judge", help="judge the shipped parameters, or fit them anew")
    parser.add_argument("--data", type=Path, default=BESIDE, metavar="DIR", help="folder with the measured data (default: shared/data beside)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures for machines")
    parser.add_argument("--out", type=Path, metavar="FILE", default=ROOT / "docs" / "validation.md", help="the page to write")
    return parser.parse_args()


def judged(data: Path) -> list[Section | Skipped]:
    """All comparisons with a folder of data. Speed traces are taken from the default folder where this one has none."""
    if not data.is_dir():
        raise Terminal(f"there is no folder {data}; give --data DIR with measured data of the layout in its README")
    cycles = recordings.cycles(data) or (recordings.cycles(BESIDE) if BESIDE.is_dir() else None)
    return [
        judge.dynamometer(data, cycles),
        judge_i3.drives(data),
        judge.charging(data),
        judge.another_model(data, cycles),
        judge.plugging_in(data),
    ]


def _judge(given: argparse.Namespace) -> int:
    sections = judged(given.data)
    figures: dict[str, tuple[float | int | None, str]] = {}
    passed = True
    for section in sections:
        if isinstance(section, Skipped):
            print(f"skipped: {section.title}: {section.reason}")
            continue
        for goal in section.goals:
            figures[goal.key] = (round(goal.value, 4), goal.unit)
            passed &= goal.reaches(goal.must)
            verdict = "must missed" if not goal.reaches(goal.must) else "aim reached" if goal.reaches(goal.aim) else "must reached"
            print(f"{goal.key} = {goal.value:.3f} {goal.unit} ({verdict})")
        figures |= {key: (round(value, 4), unit) for key, (value, unit) in section.figures.items()}
    if not figures:
        raise Terminal(f"{given.data} holds none of the data that the physics is judged on; see the README of the data for the layout")
    from simulators.validation import page  # loads the plotting, which takes seconds

    page.write(sections, NOTES, given.out)
    if given.json:
        report.write(report.make("validation", figures, passed), given.json)
    print(f"written: {given.out}")
    return 0 if passed else 1


def _fit(data: Path) -> int:
    from simulators.validation import behaviour, fit  # loads the optimiser

    tests, cycles, drives, real = recordings.epa_tests(data), recordings.cycles(data), recordings.drives(data), recordings.sessions(data)
    if tests is None or cycles is None or drives is None or real is None:
        raise Terminal(f"{data} lacks tests, cycles, drives or sessions; a fit needs all four")
    groups = {
        "drivetrain": fit.fit_drivetrain(tests, cycles),
        "i3": fit.fit_i3(drives),
        "i3_pack": fit.fit_i3_pack(drives),
        "sessions": behaviour.fit(real),
    }
    FITTED.write_bytes(
        b"# Made by `python -m simulators.validation fit`; the fit part of the data only. Do not edit by hand.\n" + msgspec.yaml.encode(groups)
    )
    for name, group in groups.items():
        print(f"{name}: {len(group.fitted_on)} records, {group.figures}")
    print(f"written: {FITTED}")
    return 0


def main() -> int:
    """Exit code 0 where all that was judged reached its must, 1 where it did not, 2 where the world is broken."""
    given = _arguments()
    try:
        return _fit(given.data) if given.what == "fit" else _judge(given)
    except Broken as error:
        print(f"validation: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
