"""The public live feed: what is told to whom, and what becomes of a reader that is slow."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import msgspec
import numpy as np
import pytest

from contracts.events import Envelope
from dashboards.accounts import tokens
from dashboards.accounts.store import Store
from dashboards.board import Board
from dashboards.live.fleet import SIGNALS, Frames
from dashboards.live.frames import message
from dashboards.live.hub import Hub
from dashboards.live.public import Public
from dashboards.live.readers import FULL_BYTES, GIVEN_UP_AFTER_MS
from dashboards.live.wishes import Wish
from dashboards.metrics import Metrics
from tests.dashboards.made import Dashboard, MockCluster, alert, now_ms, until

NOW_MS = 1_800_000_000_000


class FakePipe:
    """A connection whose reader can stop reading."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.stuck = False
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def get_write_buffer_size(self) -> int:
        return FULL_BYTES + 1 if self.stuck else 0

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True

    def told(self) -> list[dict[str, Any]]:
        told, self.written = [json.loads(text) for text in self.written], []
        return told


def plain(text: bytes) -> bytes:
    return text


def frame(hub: Hub, vehicle: str, soc: float, ts: int) -> None:
    signals = {name: np.array([soc if name == "soc_pct" else np.nan]) for name in SIGNALS}
    hub.board.put_frames(Frames([vehicle], ["eu-north" if vehicle < "M" else "eu-west"], np.array([ts]), signals))


@pytest.fixture
def hub() -> Hub:
    return Hub(Board({}), Metrics())


@pytest.fixture
def public(hub: Hub) -> Public:
    made = Public(hub, Metrics())
    hub.add(made)
    return made


def test_a_reader_is_told_the_newest_state_first_and_then_what_changes(hub: Hub, public: Public) -> None:
    frame(hub, "A", 50.0, NOW_MS)
    hub.board.put_alerts([alert("1", "A")])
    hub.turn(NOW_MS)
    pipe = FakePipe()
    public.join(Wish(), pipe, plain)
    hub.turn(NOW_MS + 100)
    (first,) = pipe.told()
    assert first["snapshot"]
    assert [(update["kind"], update["vehicle_id"]) for update in first["updates"]] == [("vehicle", "A"), ("alert", "A")]
    assert first["updates"][0]["state"] == "alert"
    hub.turn(NOW_MS + 200)
    assert pipe.told() == [], "nothing changed"
    frame(hub, "A", 49.0, NOW_MS + 250)
    hub.turn(NOW_MS + 300)
    (next_,) = pipe.told()
    assert [update["soc_pct"] for update in next_["updates"]] == [49.0]


def test_a_slow_reader_gets_the_newest_state_and_slows_nobody(hub: Hub, public: Public) -> None:
    slow, quick = FakePipe(), FakePipe()
    for pipe in (slow, quick):
        public.join(Wish(), pipe, plain)
    frame(hub, "A", 50.0, NOW_MS)
    frame(hub, "B", 70.0, NOW_MS)
    hub.turn(NOW_MS)
    assert len(slow.told()) == len(quick.told()) == 1
    slow.stuck = True
    for step in range(1, 6):
        frame(hub, "A", 50.0 - step, NOW_MS + 100 * step)
        hub.turn(NOW_MS + 100 * step)
    assert slow.told() == []
    assert [told["updates"][0]["soc_pct"] for told in quick.told()] == [49.0, 48.0, 47.0, 46.0, 45.0]
    slow.stuck = False
    hub.turn(NOW_MS + 700)
    (caught_up,) = slow.told()
    assert caught_up["skipped"] == 5
    assert [(update["vehicle_id"], update["soc_pct"]) for update in caught_up["updates"]] == [("A", 45.0)], "the newest state of what changed, once"


def test_a_reader_that_takes_nothing_for_a_minute_is_cut_off(hub: Hub, public: Public) -> None:
    pipe = FakePipe()
    pipe.stuck = True
    public.join(Wish(), pipe, plain)
    hub.turn(NOW_MS)
    hub.turn(NOW_MS + GIVEN_UP_AFTER_MS)
    assert not pipe.aborted
    hub.turn(NOW_MS + GIVEN_UP_AFTER_MS + 200)
    assert pipe.aborted


def test_readers_with_one_wish_get_the_same_bytes_and_filters_hold(hub: Hub, public: Public) -> None:
    wishes = [Wish(regions=frozenset({"eu-west"})), Wish(regions=frozenset({"eu-west"})), Wish(kinds=frozenset({"alert"}), severity="critical")]
    pipes = [FakePipe() for _ in wishes]
    for wish, pipe in zip(wishes, pipes, strict=True):
        public.join(wish, pipe, plain)
    hub.turn(NOW_MS)
    for pipe in pipes:
        pipe.told()
    frame(hub, "A", 50.0, NOW_MS)
    frame(hub, "Z", 60.0, NOW_MS)
    hub.board.put_alerts([alert("1", "A", severity="info"), alert("2", "A", severity="critical")])
    hub.turn(NOW_MS + 100)
    assert pipes[0].written[0] is pipes[1].written[0], "made once"
    assert [update["vehicle_id"] for update in pipes[0].told()[0]["updates"]] == ["Z"]
    assert [update["alert_id"] for update in pipes[2].told()[0]["updates"]] == ["2"]


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_message_is_framed_as_the_standard_has_it(size: int) -> None:
    made = message(b"x" * size)
    head = 2 if size < 126 else 4 if size < 65_536 else 10
    assert len(made) == head + size
    assert made[0] == 0x81
    assert int.from_bytes(made[2:head], "big") == (size if head > 2 else 0)


@pytest.fixture(scope="module")
def token(dashboard: Dashboard) -> str:
    return tokens.issue(Store(dashboard.accounts), "feed", "viewer", 1)


def _run(work: Callable[[aiohttp.ClientSession], Awaitable[None]]) -> None:
    async def within() -> None:
        async with aiohttp.ClientSession() as session:
            await asyncio.wait_for(work(session), 60)

    asyncio.run(within())


def _send(mock_cluster: MockCluster, vehicle: str, soc: float) -> None:
    ts = now_ms()
    payload = msgspec.Raw(msgspec.json.encode({"ts": ts, "signals": {"soc_pct": soc}}))
    mock_cluster.frames(
        Envelope(gateway_id="g", region="eu-feed", vehicle_id=vehicle, kind="telemetry", boot_id="0a0b0c0d", seq=1, received_at=ts, payload=payload)
    )


def test_a_frame_reaches_a_websocket_and_an_event_stream(dashboard: Dashboard, mock_cluster: MockCluster, token: str) -> None:
    until(lambda: dashboard.health()["feeds"]["telemetry"]["live"], "the telemetry to be followed")
    headers = {"Authorization": f"Bearer {token}"}

    async def work(session: aiohttp.ClientSession) -> None:
        async with (
            session.ws_connect(f"{dashboard.url}/feed/v1/ws?region=eu-feed", headers=headers) as socket,
            session.get(f"{dashboard.url}/feed/v1/events?region=eu-feed&access_token={token}") as stream,
        ):
            assert stream.headers["Content-Type"] == "text/event-stream"
            assert "snapshot" in (await socket.receive_json())
            _send(mock_cluster, "FEED-1", 41.5)
            told = await socket.receive_json()
            assert [(one["vehicle_id"], one["soc_pct"]) for one in told["updates"]] == [("FEED-1", 41.5)]
            async for line in stream.content:
                if line.startswith(b"data: ") and b"FEED-1" in line:
                    assert json.loads(line[6:])["updates"][0]["soc_pct"] == 41.5
                    return

    _run(work)


def test_a_real_reader_that_stops_reading_does_not_slow_another(dashboard: Dashboard, mock_cluster: MockCluster, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}

    async def work(session: aiohttp.ClientSession) -> None:
        url = f"{dashboard.url}/feed/v1/ws?region=eu-feed"
        async with (
            session.ws_connect(url, headers=headers, timeout=aiohttp.ClientWSTimeout(ws_close=0.2)) as stuck,
            session.ws_connect(url, headers=headers) as quick,
        ):
            await quick.receive_json()
            stuck._response.connection.transport.pause_reading()  # its socket fills up
            for step in range(8):
                await asyncio.to_thread(_send, mock_cluster, f"FEED-{step}", float(step))
                told = await quick.receive_json()
                assert told["updates"][-1]["vehicle_id"] == f"FEED-{step}"

    _run(work)
