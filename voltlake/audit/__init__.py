"""The audit: what the sensors were told is safe against what stands in the lake, hop by hop."""

import sys
import time
from pathlib import Path

import msgspec
from rich.console import Console

from simulators.states import read_states
from voltlake.audit.collect import gather, refresh, whereabouts
from voltlake.audit.evidence import Stream
from voltlake.audit.show import report, show
from voltlake.audit.verdict import Verdict, absent, judge
from voltlake.stack.plan import HOST, Plan
from voltlake.stack.record import require

PATIENCE_S = 30.0
"""What was told safe has this long to arrive before it is looked for on the road."""


def audit(plan: Plan) -> Verdict:
    """Gather the evidence of a running stack and judge it."""
    lake, edge, central = str(plan.layout.lake), plan.kafka("edge"), plan.kafka("central")
    states = {Stream(*key): count for key, count in read_states(HOST, plan.ports["mqtt"]).items()}
    evidence = gather(lake, edge, central, plan.layout.ledger, states)
    patience = time.monotonic() + PATIENCE_S
    while (gone := absent(evidence)) and time.monotonic() < patience:
        time.sleep(1)
        refresh(evidence, lake)
    return judge(evidence, whereabouts(lake, edge, central, gone) if gone else {})


def run(data: Path, as_json: bool) -> int:
    """Audit the stack that runs in a folder and print the outcome. 0 where nothing is lost and nothing stands twice, else 1."""
    verdict = audit(require(data).plan)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(report(verdict)), indent=2) + b"\n")
    else:
        show(verdict, Console())
    return 0 if verdict.passed else 1
