from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from simulators.outbox import Limits, Outbox

ROOM, RESEND_S, HELD_S = 8, 10.0, 30.0
RANGES = st.lists(st.tuples(st.integers(-2, 30), st.integers(-2, 30)), max_size=3)


class AnyOrderOfAcks(RuleBasedStateMachine):
    """Acks come lost, late, twice, in any order, or about messages that never were."""

    def __init__(self):
        super().__init__()
        self.box = Outbox(Limits(RESEND_S, HELD_S, ROOM))
        self.now = 0.0
        self.safe: set[int] = set()
        self.dropped_before = 0
        self.acks: list[tuple[list, list]] = []

    @rule()
    def add(self):
        full = self.box.pending == ROOM
        before = len(self.box.dropped)
        assert self.box.add(b"%d" % self.box.published, self.now) == self.box.published - 1
        assert len(self.box.dropped) - before == full

    @rule()
    def take(self):
        sending = self.box.take(self.now)
        if sending is not None:
            assert sending.payload == b"%d" % sending.seq
            assert sending.seq not in self.safe

    @rule(held=RANGES, safe=RANGES)
    def told(self, held, safe):
        self.acks.append((held, safe))
        self.box.told(held, safe, self.now)
        self.safe |= {seq for first, last in safe for seq in range(max(first, 0), min(last, self.box.published - 1) + 1)}

    @rule(data=st.data())
    def told_again(self, data):
        if self.acks:
            self.told(*data.draw(st.sampled_from(self.acks)))

    @rule(seconds=st.floats(0, 40))
    def tick(self, seconds):
        self.now += seconds
        self.box.tick(self.now)

    @rule()
    def reconnect(self):
        self.box.reconnected()

    @invariant()
    def nothing_leaves_the_outbox_but_safe_or_dropped(self):
        unsafe = set(self.box.unsafe())
        assert unsafe | self.safe | set(self.box.dropped) == set(range(self.box.published))
        assert set(self.box.safe) == self.safe
        assert self.box.pending == len(unsafe) <= ROOM
        assert 0 <= self.box.held_now <= self.box.pending

    def teardown(self):
        """Whatever happened, all that is not safe goes out once more when its time is over, and nothing else."""
        self.box.tick(self.now + HELD_S + RESEND_S)
        sent = []
        while (sending := self.box.take(self.now + HELD_S + RESEND_S)) is not None:
            sent.append(sending.seq)
        assert sorted(sent) == list(self.box.unsafe())


AnyOrderOfAcks.TestCase.settings = hypothesis_settings(max_examples=50, stateful_step_count=40, deadline=None)
TestAnyOrderOfAcks = AnyOrderOfAcks.TestCase


def drained(box, now):
    found = []
    while (sending := box.take(now)) is not None:
        found.append(sending.seq)
    return found


def filled(count, messages=100):
    box = Outbox(Limits(RESEND_S, HELD_S, messages))
    for _ in range(count):
        box.add(b"x", 0.0)
    return box


def test_messages_go_out_once_and_in_order():
    box = filled(5)
    assert drained(box, 0.0) == [0, 1, 2, 3, 4]
    assert not box.tick(RESEND_S - 0.1)
    assert drained(box, RESEND_S - 0.1) == []


def test_what_nobody_holds_goes_out_again_after_ten_seconds():
    box = filled(3)
    drained(box, 0.0)
    box.told([(1, 1)], [], 1.0)
    assert box.tick(RESEND_S)
    assert drained(box, RESEND_S) == [0, 2]


def test_held_messages_wait_for_safe_for_thirty_seconds_and_are_then_sent_again():
    box = filled(3)
    drained(box, 0.0)
    box.told([(0, 2)], [], 1.0)
    assert not box.tick(HELD_S)
    assert box.tick(1.0 + HELD_S)
    assert drained(box, 1.0 + HELD_S) == [0, 1, 2]


def test_held_said_again_renews_the_thirty_seconds():
    box = filled(2)
    drained(box, 0.0)
    box.told([(0, 1)], [], 1.0)
    box.told([(0, 1)], [], 20.0)
    assert not box.tick(1.0 + HELD_S)
    assert box.tick(20.0 + HELD_S)


def test_a_reconnect_sends_all_that_is_not_held():
    box = filled(5)
    drained(box, 0.0)
    box.told([(1, 2)], [(0, 0)], 0.5)
    box.reconnected()
    assert drained(box, 1.0) == [3, 4]


def test_a_full_outbox_drops_held_messages_first_then_the_oldest_and_counts_both():
    box = filled(3, messages=3)
    drained(box, 0.0)
    box.told([(1, 1)], [], 0.0)
    box.add(b"x", 0.0)
    assert box.dropped.pairs() == [(1, 1)]
    assert box.dropped_held == 1
    box.add(b"x", 0.0)
    assert box.dropped.pairs() == [(0, 1)]
    assert box.dropped_held == 1
    assert list(box.unsafe()) == [2, 3, 4]


def test_a_resend_says_that_it_is_one_and_when_it_was_due_first():
    box = Outbox(Limits())
    box.add(b"x", 3.5)
    assert not box.take(4.0).again
    box.reconnected()
    again = box.take(9.0)
    assert again.again
    assert again.due_s == 3.5
