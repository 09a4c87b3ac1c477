"""Wait for what is down: with growing pauses, and said in the log."""

import logging
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential_jitter

from contracts.errors import Transient

T = TypeVar("T")
log = logging.getLogger(__name__)


def patiently(call: Callable[[], T]) -> T:
    """The result of `call`, tried again while it raises Transient."""
    return Retrying(retry=retry_if_exception_type(Transient), wait=wait_exponential_jitter(0.1, 5, jitter=0.1), before_sleep=_say)(call)


def _say(state: RetryCallState) -> None:
    if state.attempt_number in {1, 5} or state.attempt_number % 20 == 0:
        log.warning("waiting: %s", state.outcome.exception() if state.outcome else "")
