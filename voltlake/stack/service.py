"""What a supervised child is, as a value, and how long a failing one is left alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

State = Literal["waiting", "preparing", "starting", "running", "restarting", "done", "stopped"]

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 10.0
HEALTHY_S = 30.0


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """One child process.

    `ready` returns when it can be used and raises Transient until then. `needs`: services that must have been ready once
    before its first start. `prepare` runs before the start unless the file `prepared` exists, which is then made.
    One that is not ready `ready_within_s` after its start is started again; None waits for ever.
    `layer`: the higher is stopped first. `once`: it ends by itself, and is started again only where it failed.
    `nice`: how far it makes way for others where the machine is short of processor time, as in nice(1).
    """

    name: str
    command: tuple[str, ...]
    environ: dict[str, str]
    ready: Callable[[], None] | None = None
    ready_within_s: float | None = None
    needs: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    prepared: Path | None = None
    layer: int = 0
    grace_s: float = 10.0
    once: bool = False
    nice: int = 0


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a service stands: what `status` shows. `since` = epoch seconds of the last change of state."""

    name: str
    state: State
    since: float
    pid: int | None = None
    restarts: int = 0
    exit_code: int | None = None
    said: str = ""


def restart_delay_s(failures: int) -> float:
    """How long to wait after so many failures in a row (1 = the first)."""
    return min(FIRST_DELAY_S * 2 ** min(failures - 1, 20), LONGEST_DELAY_S)


def failures_in_a_row(before: int, healthy_s: float) -> int:
    """The count after one more failure; it starts anew where the service was healthy for long."""
    return 1 if healthy_s >= HEALTHY_S else before + 1
