"""The sensor unit of one vehicle: three outboxes, one connection, the acks that it is told and the state that it keeps."""

import heapq
import selectors

from contracts import codec
from contracts.events import Ack, State
from contracts.identity import ID_PROPERTY, KINDS, message_id
from contracts.topics import publish_topic
from simulators import mqtt_packets as mqtt
from simulators.conduct import Habits, Tally, Unit, Watcher
from simulators.mqtt_connection import READY, Connection
from simulators.mqtt_packets import Incoming, Welcome, Will
from simulators.network import AT_ONCE, Passage
from simulators.outbox import Limits, Outbox

EVENT = KINDS.index("event")
_ORDER = (EVENT, *(at for at in range(len(KINDS)) if at != EVENT))
"""Events are sent before frames that wait."""
_MOST_IN_FLIGHT = 500
_MOST_BACKLOG = 262_144
_ID = ID_PROPERTY.encode()


class Boot:
    """One life of a sensor unit: its outboxes, one a kind."""

    def __init__(self, boot_id: str, limits: Limits) -> None:
        self.boot_id = boot_id
        self.boxes = tuple(Outbox(limits) for _ in KINDS)


class Sensor:
    """Publishes with QoS 1 what it is given, again where nothing is heard of it, until it is told safe.

    Its outboxes outlive a reboot (a real unit has them in flash): what an earlier boot left is sent first.
    """

    def __init__(self, unit: Unit, habits: Habits, tally: Tally, watcher: Watcher, selector: selectors.BaseSelector) -> None:
        """Nothing is connected before `connection.open`."""
        self.unit = unit
        self.boots = [Boot(unit.boot_id, habits.limits)]
        self.attempts = 0
        """Connects that failed in a row."""
        self.passage: Passage | None = None
        """What the network does to its packets, where it does something."""
        self.ahead_s = 0.0
        """Epoch seconds less the seconds of this process' clock, for `passage`."""
        ack = None if habits.puback_is_safe else publish_topic(unit.region, unit.vehicle_id, "ack")
        self.connection = Connection(unit.vehicle_id, ack, self, selector)
        self._habits, self._tally, self._watcher = habits, tally, watcher
        self._topics = [mqtt.text(publish_topic(unit.region, unit.vehicle_id, kind)) for kind in KINDS]
        self._state_topic = publish_topic(unit.region, unit.vehicle_id, "state")
        self._lanes = self._ordered()
        self._in_flight: dict[int, tuple[float, Outbox | None, int]] = {}
        self._late: list[tuple[float, int, bytes]] = []
        self._packet_id = 0
        self._window = 1
        self._full = False
        self._up = False
        self._said: State | None = None
        self._state_due_s = 0.0

    @property
    def boxes(self) -> list[Outbox]:
        """The outboxes of all boots."""
        return [box for boot in self.boots for box in boot.boxes]

    @property
    def pending(self) -> int:
        """Messages that are not safe and not dropped."""
        return sum(box.pending for box in self.boxes)

    @property
    def quiet(self) -> bool:
        """Whether every PUBLISH that was sent is acknowledged by the broker."""
        return not self._in_flight

    def reboot(self, boot_id: str) -> None:
        """The unit starts anew: seqs count from 0 again."""
        self.boots.append(Boot(boot_id, self._habits.limits))
        self._lanes = self._ordered()
        self._state_due_s = 0.0

    def publish(self, kind: int, payload: bytes, due_s: float, now_s: float) -> None:
        """Take a message of KINDS[kind] that was due at `due_s`, and send it as soon as that can be."""
        self.boots[-1].boxes[kind].add(payload, due_s)
        self.pump(now_s)

    def pump(self, now_s: float) -> None:
        """Send what waits, as far as the connection and the broker's receive maximum allow."""
        if self.connection.state != READY:
            return
        room = self._window - len(self._in_flight)
        packets: list[bytes] = []
        self._full = False
        for boot_id, kind, box in self._lanes:
            while box.waits:
                if room <= 0 or self.connection.backlog > _MOST_BACKLOG:
                    self._full = True
                    break
                sending = box.take(now_s)
                if sending is None:
                    break
                identity = message_id(boot_id, sending.seq).encode()
                for late_s in self._copies(sending.due_s, now_s) if self.passage else AT_ONCE:
                    packet_id = self._next_id()
                    self._in_flight[packet_id] = (now_s, box, sending.seq)
                    packet = mqtt.publish(self._topics[kind], packet_id, mqtt.user_property(_ID, identity), sending.payload)
                    if late_s:
                        heapq.heappush(self._late, (now_s + late_s, packet_id, packet))
                    else:
                        packets.append(packet)
                    room -= 1
                if sending.again:
                    self._tally.resent += 1
                else:
                    lag = now_s - sending.due_s
                    self._tally.send_lag.add(lag)
                    self._tally.late += lag > self._habits.late_s
        if packets:
            self.connection.write(packets[0] if len(packets) == 1 else b"".join(packets), now_s)

    def arrive(self, now_s: float) -> None:
        """Send the packets that the network has held back for long enough."""
        while self._late and self._late[0][0] <= now_s:
            self.connection.write(heapq.heappop(self._late)[2], now_s)

    def upkeep(self, now_s: float) -> None:
        """Resends, the state and the keep-alive. Call it about twice a second."""
        self.connection.upkeep(now_s)
        if self.connection.state != READY:
            return
        ticked = [box.tick(now_s) for _, _, box in self._lanes]
        if any(ticked):
            self.pump(now_s)
        if now_s >= self._state_due_s:
            self.say_state(now_s, online=True)

    def say_state(self, now_s: float, *, online: bool) -> None:
        """Publish the retained state where it changed."""
        self._state_due_s = now_s + self._habits.state_s
        state = self._state(online=online)
        if state != self._said and self.connection.state == READY and len(self._in_flight) < self._window:
            packet_id = self._next_id()
            self._in_flight[packet_id] = (now_s, None, 0)
            topic = mqtt.text(self._state_topic)
            self.connection.write(mqtt.publish(topic, packet_id, mqtt.NO_PROPERTIES, codec.encode(state), retain=True), now_s)
            self._said = state

    def leave(self, now_s: float) -> None:
        """Close the connection; politely where the last state is said, and else so that the broker says it from the will."""
        self.connection.close(now_s, polite=self._said is not None and not self._said.online)

    def cut(self, now_s: float) -> bool:
        """Drop a connection that stands, without a word; whether there was one."""
        if not self._up:
            return False
        self.connection.close(now_s, polite=False)
        self._offline()
        return True

    # What the connection says.

    def will(self) -> Will:
        """Offline, with the counts of this moment."""
        return Will(self._state_topic, codec.encode(self._state(online=False)))

    def ready(self, welcome: Welcome, now_s: float) -> None:
        """Connected: what no gateway holds goes out again."""
        self.attempts = 0
        self._window = min(welcome.receive_maximum, _MOST_IN_FLIGHT)
        self._in_flight.clear()
        self._late.clear()
        self._said = None
        for _, _, box in self._lanes:
            box.reconnected()
        self._up = True
        self._tally.connected += 1
        self._watcher.up(self, now_s)
        self.say_state(now_s, online=True)
        self.pump(now_s)

    def acknowledged(self, packet_id: int, reason: int, now_s: float) -> None:
        """The broker's PUBACK: it has the message, which is not safe by that."""
        sent = self._in_flight.pop(packet_id, None)
        if sent is None:
            return
        if reason >= 0x80:
            self._tally.refused += 1
            self._tally.reasons[reason] += 1
        elif sent[1] is not None:
            self._tally.acknowledged += 1
            self._tally.puback.add(now_s - sent[0])
            if self._habits.puback_is_safe:
                sent[1].told((), ((sent[2], sent[2]),), now_s)
        if self._full:
            self.pump(now_s)

    def heard(self, message: Incoming, now_s: float) -> None:
        """A gateway's ack. One of a boot that was none of ours is left alone; one that cannot be read is counted and left."""
        try:
            ack = codec.decode(message.payload, Ack)
        except codec.Malformed:
            self._tally.malformed_acks += 1
            return
        for boot in self.boots:
            if boot.boot_id == ack.boot_id and ack.kind in KINDS:
                boot.boxes[KINDS.index(ack.kind)].told(ack.held, ack.safe, now_s)

    def lost(self, why: str, now_s: float) -> None:
        """The connection is gone: messages stay in the outboxes."""
        self._offline()
        self.attempts += 1
        self._watcher.down(self, why, now_s)

    def _offline(self) -> None:
        self._tally.connected -= self._up
        self._up = False
        self._said = None
        self._in_flight.clear()
        self._late.clear()

    def _ordered(self) -> list[tuple[str, int, Outbox]]:
        """What is sent first: earlier boots, and events before frames that wait."""
        return [(boot.boot_id, kind, boot.boxes[kind]) for boot in self.boots for kind in _ORDER]

    def _copies(self, due_s: float, now_s: float) -> tuple[float, ...]:
        return self.passage.copies(round((due_s + self.ahead_s) * 1000), now_s + self.ahead_s) if self.passage else AT_ONCE

    def _state(self, *, online: bool) -> State:
        now = self.boots[-1]
        return State(now.boot_id, online, {kind: box.published for kind, box in zip(KINDS, now.boxes, strict=True)})

    def _next_id(self) -> int:
        self._packet_id = self._packet_id % 65_535 + 1
        while self._packet_id in self._in_flight:
            self._packet_id = self._packet_id % 65_535 + 1
        return self._packet_id
