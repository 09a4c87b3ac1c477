"""Deliveries against a real HTTPS server that answers what the test wants: nothing is given up, nothing is dropped, nothing blocks."""

import asyncio
import gzip
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from road.certificates import Authority

from contracts import codec
from contracts.events import Rejection
from contracts.topics import REJECTED, TELEMETRY
from edge_gateway.batching import Batch
from edge_gateway.frames import Entry
from edge_gateway.produce import Producer, client_context
from edge_gateway.reception import Station, admit
from edge_gateway.uploader import Uploader

STATION = Station("gw-1", "eu", 100_000)
Judge = Callable[[str, list[dict[str, Any]]], web.Response]


def accept(records: list[dict[str, Any]]) -> web.Response:
    return web.json_response({"offsets": [{"partition": 0, "offset": at} for at in range(len(records))]})


class Ingest:
    """Answers as `judge` says and keeps what it said yes to."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.requests = 0
        self.taken: list[tuple[str, dict[str, Any]]] = []

    async def produce(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/vnd.kafka.json.v2+json"
        assert request.headers["Content-Encoding"] == "gzip"
        self.requests += 1
        topic, records = request.match_info["topic"], json.loads(gzip.decompress(await request.read()))["records"]
        answer = self._judge(topic, records)
        if answer.status == 200:
            self.taken += [(topic, record) for record in records]
        return answer

    def seqs(self, topic: str = TELEMETRY) -> list[int]:
        return sorted(record["value"]["seq"] for where, record in self.taken if where == topic)


@asynccontextmanager
async def serving(authority: Authority, ingest: Ingest, trusted: Authority | None = None) -> AsyncIterator[Producer]:
    """The producer of a gateway that posts to it."""
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/topics/{topic}", ingest.produce)
    server = authority.server()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(server.cert, server.key)
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    pair = authority.gateway("gw-1", "eu")
    producer = Producer(
        f"https://127.0.0.1:{port}/", client_context((trusted or authority).ca, pair.cert, pair.key), connections=4, level=1, timeout_s=10
    )
    try:
        yield producer
    finally:
        await producer.close()
        await runner.cleanup()


def batch(count: int) -> Batch:
    entries = [
        admit(STATION, "ev/v1/eu/CAR-1/telemetry", b'{"ts":1,"signals":{}}', {"user_property": [("id", f"0000000a/{seq}")]}, 1).entry
        for seq in range(count)
    ]
    return Batch(TELEMETRY, entries)


def deliver(authority: Authority, judge: Judge, count: int = 8) -> tuple[Ingest, list[str], list[str]]:
    """Deliver a batch; what ingest took, the rejections and the failures that were counted."""
    ingest, rejected, failed = Ingest(judge), [], []

    async def run() -> None:
        async with serving(authority, ingest) as producer:
            await asyncio.wait_for(Uploader(STATION, producer.post, rejected.append, failed.append).deliver(batch(count)), 60)

    asyncio.run(run())
    return ingest, rejected, failed


def answers(*first: Callable[[], web.Response]) -> Judge:
    """The first few answers, then yes."""
    rest = list(first)
    return lambda _topic, records: rest.pop(0)() if rest else accept(records)


def test_a_batch_is_delivered_in_one_request(authority: Authority) -> None:
    ingest, rejected, failed = deliver(authority, answers())
    assert (ingest.requests, ingest.seqs(), rejected, failed) == (1, list(range(8)), [], [])
    assert ingest.taken[0][1]["key"] == "CAR-1"


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.json_response({"error_code": 50301, "message": "Kafka is away", "hint": ""}, status=503),
        lambda: web.Response(status=500, text="what?"),
        lambda: web.json_response({"error_code": 42901, "message": "too much"}, status=429, headers={"Retry-After": "0"}),
        lambda: web.Response(status=408),
        lambda: web.Response(status=200, text="<html>a captive portal</html>", content_type="text/html"),
        lambda: web.json_response({"offsets": []}),
        lambda: web.json_response({"offsets": [{"partition": 0, "offset": 1}] * 7 + [{"error_code": 2, "error": "try again"}]}),
        lambda: web.Response(status=404, text="no such topic"),
        lambda: web.Response(status=401, text="who are you?"),
    ],
)
def test_what_may_pass_is_sent_again_until_it_is_taken(authority: Authority, answer: Callable[[], web.Response]) -> None:
    ingest, rejected, failed = deliver(authority, answers(answer, answer))
    assert ingest.requests == 3
    assert set(ingest.seqs()) == set(range(8))
    assert rejected == []
    assert len(failed) == 2


def test_a_batch_is_sent_no_sooner_than_retry_after_asks(authority: Authority) -> None:
    times: list[float] = []

    def judge(_topic: str, records: list[dict[str, Any]]) -> web.Response:
        times.append(asyncio.get_running_loop().time())
        return web.Response(status=429, headers={"Retry-After": "1"}) if len(times) == 1 else accept(records)

    deliver(authority, judge)
    assert times[1] - times[0] >= 1


@pytest.mark.parametrize("status", [400, 403, 413, 422])
def test_a_refused_batch_is_bisected_and_only_the_culprits_become_rejections(authority: Authority, status: int) -> None:
    def judge(topic: str, records: list[dict[str, Any]]) -> web.Response:
        if topic == TELEMETRY and any(record["value"]["seq"] in (3, 11) for record in records):
            return web.json_response({"error_code": status * 100 + 1, "message": "not this one", "hint": "sorry"}, status=status)
        return accept(records)

    ingest, rejected, failed = deliver(authority, judge, 16)
    assert ingest.seqs() == [seq for seq in range(16) if seq not in (3, 11)]
    assert rejected == ["refused", "refused"]
    assert failed == []
    notes = [codec.decode(json.dumps(record["value"]).encode(), Rejection) for topic, record in ingest.taken if topic == REJECTED]
    assert [(note.vehicle_id, note.kind, note.boot_id, note.seq, note.reason) for note in notes] == [
        ("CAR-1", "telemetry", "0000000a", seq, "refused") for seq in (3, 11)
    ]
    assert notes[0].detail == f"status {status}: not this one sorry"


def test_single_records_that_failed_in_a_taken_batch_become_rejections(authority: Authority) -> None:
    def judge(topic: str, records: list[dict[str, Any]]) -> web.Response:
        bad = {"error_code": 1, "error": "too large for the broker"}
        return web.json_response(
            {"offsets": [bad if topic == TELEMETRY and record["value"]["seq"] == 5 else {"partition": 0, "offset": 1} for record in records]}
        )

    ingest, rejected, _ = deliver(authority, judge)
    assert rejected == ["refused"]
    assert ingest.requests == 2
    assert ingest.seqs(REJECTED) == [5]


def test_a_record_whose_rejection_is_refused_too_is_kept_until_the_setup_is_right(authority: Authority) -> None:
    refusals = 0

    def judge(_topic: str, records: list[dict[str, Any]]) -> web.Response:
        nonlocal refusals
        refusals += 1
        if refusals <= 6:
            return web.json_response({"error_code": 40301, "message": "not your region", "hint": ""}, status=403)
        return accept(records)

    ingest, rejected, failed = deliver(authority, judge, 2)
    assert set(ingest.seqs()) | set(ingest.seqs(REJECTED)) == {0, 1}
    assert set(failed) == {"setup"}
    assert rejected


def test_an_ingest_with_a_certificate_of_another_authority_gets_nothing(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    ingest, failed = Ingest(answers()), []

    async def run() -> None:
        async with serving(authority, ingest, Authority(tmp_path_factory.mktemp("other"))) as producer:
            task = asyncio.create_task(Uploader(STATION, producer.post, failed.append, failed.append).deliver(batch(2)))
            await _until(lambda: len(failed) >= 2)
            task.cancel()

    asyncio.run(run())
    assert set(failed) == {"setup"}
    assert ingest.requests == 0
    assert "a certificate that our CA did not sign" in caplog.text


def test_batches_wait_for_an_ingest_that_is_not_there_yet(authority: Authority) -> None:
    failed: list[str] = []

    async def run() -> None:
        pair = authority.gateway("gw-1", "eu")
        producer = Producer("https://127.0.0.1:1", client_context(authority.ca, pair.cert, pair.key), connections=4, level=1, timeout_s=10)
        task = asyncio.create_task(Uploader(STATION, producer.post, failed.append, failed.append).deliver(batch(2)))
        await _until(lambda: len(failed) >= 3)
        assert not task.done()
        task.cancel()
        await producer.close()

    asyncio.run(run())
    assert set(failed) == {"unavailable"}


async def _until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)


def test_a_record_is_sent_as_it_was_encoded_at_reception(authority: Authority) -> None:
    payload = b'{"ts" : 1,  "signals":{"speed_kmh":1.50}}'
    entry: Entry = admit(STATION, "ev/v1/eu/CAR-1/telemetry", payload, {"user_property": [("id", "0000000a/0")]}, 1).entry
    bodies: list[bytes] = []

    async def post(_topic: str, body: bytes, _records: int) -> None:
        bodies.append(body)

    asyncio.run(Uploader(STATION, post, print, print).deliver(Batch(TELEMETRY, [entry])))
    assert payload in bodies[0]
    assert bodies[0] == b'{"records":[' + entry.record + b"]}"
