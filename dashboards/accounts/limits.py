"""How often one may try to sign in. Pure but for the memory of failures, which a restart forgets."""

from collections import deque

WINDOW_S = 300.0
FAILURES = 5
"""Failures within the window after which a name waits, whoever tries."""
FAILURES_OF_ADDRESS = 40
"""The same for an address: more, for many people can share one, as behind a proxy."""
REMEMBERED = 10_000


class SignInLimit:
    """Counts failures by key: `name …` or `from …` (an address)."""

    def __init__(self) -> None:
        self._failed: dict[str, deque[float]] = {}

    def wait_s(self, keys: tuple[str, ...], now_s: float) -> float:
        """Seconds until another try is allowed; 0 where it is allowed now."""
        waits = [WINDOW_S - (now_s - times[-_most(key)]) for key in keys if len(times := self._young(key, now_s)) >= _most(key)]
        return max(0.0, *waits) if waits else 0.0

    def failed(self, keys: tuple[str, ...], now_s: float) -> None:
        """Another failure."""
        for key in keys:
            self._failed.setdefault(key, deque(maxlen=_most(key))).append(now_s)
        while len(self._failed) > REMEMBERED:
            self._failed.pop(next(iter(self._failed)))

    def succeeded(self, keys: tuple[str, ...]) -> None:
        """Forget the failures."""
        for key in keys:
            self._failed.pop(key, None)

    def _young(self, key: str, now_s: float) -> deque[float]:
        times = self._failed.get(key, deque())
        while times and now_s - times[0] >= WINDOW_S:
            times.popleft()
        return times


def _most(key: str) -> int:
    return FAILURES_OF_ADDRESS if key.startswith("from ") else FAILURES
