"""Tell gold who the vehicles of a run are: their registry file is loaded as soon as the simulator has written it."""

import logging
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from contracts.errors import Broken

WAIT_S = 60.0
log = logging.getLogger(__name__)


def introduce(lake: str, file: Path) -> None:
    """Wait for the file beside what else is going on, and load it. What does not work is a warning: facts come without models.

    The program ends when it is loaded: a thread that is cut off in the midst of native code takes the whole process with it.
    """
    threading.Thread(target=_introduce, args=(lake, file), name="introduction").start()


def _introduce(lake: str, file: Path) -> None:
    from lakehouse.gold import dims
    from lakehouse.gold.dimensions import read_registry

    ends = time.monotonic() + WAIT_S
    while not file.exists() and threading.main_thread().is_alive() and time.monotonic() < ends:
        time.sleep(0.2)
    if not file.exists() and not threading.main_thread().is_alive():
        return  # the run ended before it had vehicles, and said why
    try:
        dims.load(lake, read_registry(file), datetime.now(UTC).replace(microsecond=0))
    except Broken as error:
        log.warning("the vehicles of this run are not in gold.dim_vehicle: %s; 'voltlake registry load %s' tries it again", error, file)
