"""The sensor's outbox: the messages of one boot and kind that are not yet safe. Pure: time arrives as data.

A message is *waiting* to be sent, *sent* (and is sent again where nothing is heard of it for `resend_s`), or *held* by a
gateway (and is sent again where `held_s` pass without its being said held again or safe: that heals a gateway that died
with its disk, and a lost ack). *Safe* messages are forgotten. A full outbox drops held messages first, then the oldest.

All calls are O(messages touched); seqs are contiguous, so the messages stand in a deque by `seq - base`.
"""

import math
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from contracts.ranges import Ranges

Pairs = Iterable[tuple[int, int]]


class Limits(msgspec.Struct, frozen=True):
    """When to send again (s), and how many messages an outbox keeps at most."""

    resend_s: float = 10.0
    held_s: float = 30.0
    messages: int = 3600


class Sending(NamedTuple):
    """A message to send now; `again` is true where it was sent before. `due_s` is the instant at which it was due first."""

    seq: int
    payload: bytes
    due_s: float
    again: bool


class _Message:
    __slots__ = ("again_s", "due_s", "held", "payload", "sent")

    def __init__(self, payload: bytes, due_s: float) -> None:
        self.payload = payload
        self.due_s = due_s
        self.again_s = math.inf
        self.held = False
        self.sent = False


class Outbox:
    """Messages of one (boot, kind) with the seqs that it gives them, from 0 on without gaps."""

    __slots__ = ("_again_s", "_base", "_limits", "_messages", "_waiting", "dropped", "dropped_held", "held", "held_now", "pending", "safe")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._base = 0
        self._messages: deque[_Message | None] = deque()
        self._waiting: deque[int] = deque()
        self._again_s = math.inf
        self.pending = 0
        """Messages that are not safe and not dropped."""
        self.held_now = 0
        """Those of them that a gateway says it holds."""
        self.held = Ranges()
        """Seqs that were ever told held."""
        self.safe = Ranges()
        """Seqs that were told safe."""
        self.dropped = Ranges()
        """Seqs that were dropped because the outbox was full."""
        self.dropped_held = 0
        """How many of the dropped a gateway held at the time."""

    @property
    def published(self) -> int:
        """How many messages were put in: their seqs are 0 to this less one."""
        return self._base + len(self._messages)

    @property
    def waits(self) -> bool:
        """Whether something may be waiting to be sent."""
        return bool(self._waiting)

    def add(self, payload: bytes, due_s: float) -> int:
        """Put in a message that was due at that instant; its seq."""
        if self.pending >= self._limits.messages:
            self._make_room()
        seq = self._base + len(self._messages)
        self._messages.append(_Message(payload, due_s))
        self._waiting.append(seq)
        self.pending += 1
        return seq

    def take(self, now_s: float) -> Sending | None:
        """The next message to send, which counts as sent now; None where nothing waits."""
        while self._waiting:
            seq = self._waiting.popleft()
            message = self._at(seq)
            if message is None or message.again_s != math.inf:
                continue  # safe, dropped, held, or sent meanwhile
            again, message.sent = message.sent, True
            message.again_s = now_s + self._limits.resend_s
            self._again_s = min(self._again_s, message.again_s)
            return Sending(seq, message.payload, message.due_s, again)
        return None

    def told(self, held: Pairs, safe: Pairs, now_s: float) -> None:
        """Hear an acknowledgement. Seqs that were never published, and ranges that run backwards, are ignored."""
        last_seq = self.published - 1
        for first, last in safe:
            first, last = max(first, 0), min(last, last_seq)
            if first <= last:
                self.safe.add_range(first, last)
                self._forget(first, last)
        again_s = now_s + self._limits.held_s
        for first, last in held:
            first, last = max(first, 0), min(last, last_seq)
            if first > last:
                continue
            self.held.add_range(first, last)
            for at in range(max(first - self._base, 0), last - self._base + 1):
                message = self._messages[at]
                if message is not None:
                    self.held_now += not message.held
                    message.held = True
                    message.again_s = again_s
                    self._again_s = min(self._again_s, again_s)

    def tick(self, now_s: float) -> bool:
        """Let what was not heard of for too long wait again; whether anything waits. Call it while connected."""
        if now_s >= self._again_s:
            self._again_s = math.inf
            for at, message in enumerate(self._messages):
                if message is None:
                    continue
                if message.again_s <= now_s:
                    self.held_now -= message.held
                    message.held = False
                    message.again_s = math.inf
                    self._waiting.append(self._base + at)
                elif message.again_s < self._again_s:
                    self._again_s = message.again_s
        return bool(self._waiting)

    def reconnected(self) -> None:
        """All that is not held waits again, in order."""
        self._waiting.clear()
        for at, message in enumerate(self._messages):
            if message is not None and not message.held:
                message.again_s = math.inf
                self._waiting.append(self._base + at)

    def unsafe(self) -> Ranges:
        """Seqs that are neither safe nor dropped."""
        return Ranges([(0, self.published - 1)]).minus(self.safe).minus(self.dropped)

    def _at(self, seq: int) -> _Message | None:
        at = seq - self._base
        return self._messages[at] if 0 <= at < len(self._messages) else None

    def _forget(self, first: int, last: int) -> None:
        for at in range(max(first - self._base, 0), last - self._base + 1):
            message = self._messages[at]
            if message is not None:
                self._messages[at] = None
                self.pending -= 1
                self.held_now -= message.held
        while self._messages and self._messages[0] is None:
            self._messages.popleft()
            self._base += 1

    def _make_room(self) -> None:
        """Drop the oldest held message, or else the oldest."""
        held = self.held_now > 0
        for at, message in enumerate(self._messages):
            if message is not None and (message.held or not held):
                self.dropped.add(self._base + at)
                self.dropped_held += held
                self._forget(self._base + at, self._base + at)
                return
