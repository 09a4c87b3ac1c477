"""The audit of a real stack: rows taken away and rows doubled in a copy of its lake are found."""

import shutil
from pathlib import Path

import pytest

from lakehouse import reader, writer
from tests.road.fleets import driving
from tests.road.patience import until
from voltlake.audit.collect import gather, whereabouts
from voltlake.audit.verdict import Verdict, absent, judge
from voltlake.stack.handle import Handle

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def quiet(stack: Handle) -> Handle:
    """The stack with some messages in it, all safe, and nothing on its way."""
    with driving(stack, "audited", 40, 1.0) as fleet:
        until(lambda: fleet.progress().published > 400, "some messages")
        fleet.ask_to_end()
        assert fleet.ended_well()
    until(lambda: not judged(stack, stack.lake).in_flight, "everything in silver", 120)
    return stack


def judged(stack: Handle, lake: str) -> Verdict:
    edge, central = stack.plan.kafka("edge"), stack.plan.kafka("central")
    evidence = gather(lake, edge, central, stack.ledger)
    gone = absent(evidence)
    return judge(evidence, whereabouts(lake, edge, central, gone) if gone else {})


@pytest.fixture
def copied(quiet: Handle, tmp_path: Path) -> str:
    shutil.copytree(quiet.lake, tmp_path / "lake")
    return str(tmp_path / "lake")


def test_an_untouched_copy_passes(quiet: Handle, copied: str) -> None:
    verdict = judged(quiet, copied)
    assert (verdict.lost, verdict.duplicated) == (0, 0), verdict.hops
    assert verdict.messages >= 400


@pytest.mark.parametrize("name", ["silver.telemetry", "silver.cells"])
def test_rows_taken_away_from_silver_are_lost(quiet: Handle, copied: str, name: str) -> None:
    reader.open_table(copied, name).delete("vehicle_id = 'AUDITED-00001' AND seq < 2")
    verdict = judged(quiet, copied)
    assert verdict.lost >= 1
    assert {missing.last_seen for missing in verdict.missing} == {"bronze"}


def test_rows_taken_away_from_bronze_are_lost(quiet: Handle, copied: str) -> None:
    reader.open_table(copied, "bronze.telemetry").delete("key = 'AUDITED-00002'")
    assert judged(quiet, copied).lost >= 1


def test_rows_that_stand_twice_are_found(quiet: Handle, copied: str) -> None:
    table = reader.open_table(copied, "silver.telemetry")
    rows = reader.dataset(table).to_table().slice(0, 3)
    writer.append(table, "silver.telemetry", rows, {})
    assert judged(quiet, copied).duplicated == 3
