"""The HTTPS side: routes, statuses and answers. The only place of ingest that knows aiohttp."""

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from aiohttp import web

from cloud_stream.ingest.body import inflate, too_large
from cloud_stream.ingest.fault import Fault
from cloud_stream.ingest.kafka import EdgeKafka, Failed, Outcome
from cloud_stream.ingest.metrics import Metrics
from cloud_stream.ingest.permit import Permit, read_permit
from cloud_stream.ingest.records import Checked, check
from cloud_stream.ingest.settings import Settings
from contracts.errors import Terminal
from contracts.topics import EDGE_TOPICS

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/vnd.kafka.json.v2+json"
_ANSWER_TYPE = "application/vnd.kafka.v2+json"
_LOG_EVERY_S = 1.0
_NON_RETRIABLE, _RETRIABLE = 1, 2
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def server_context(settings: Settings) -> ssl.SSLContext:
    """TLS 1.2 or newer; a client certificate of our CA is required. Raises Terminal where the files are no good."""
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=settings.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(settings.cert, settings.key)
    except (OSError, ssl.SSLError) as error:
        files: list[Path] = [settings.ca, settings.cert, settings.key]
        raise Terminal(f"certificates {', '.join(map(str, files))} cannot be used: {error}; make them anew") from None
    return context


class Ingest:
    """Takes requests, checks them, and answers when Kafka has them."""

    def __init__(self, settings: Settings, kafka: EdgeKafka, metrics: Metrics) -> None:
        self._settings = settings
        self._kafka = kafka
        self._metrics = metrics
        self._requests = 0
        self._records = 0
        self._logged_at = -_LOG_EVERY_S

    def application(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=self._settings.body_max_bytes, middlewares=[self._in_json])
        app.router.add_post("/topics/{topic}", self._produce)
        app.router.add_get("/health", self._health)
        return app

    async def _health(self, _request: web.Request) -> web.Response:
        up = await self._kafka.up()
        return _json(200 if up else 503, {"kafka": "up" if up else "down"})

    async def _produce(self, request: web.Request) -> web.Response:
        started = time.monotonic()
        if self._requests >= self._settings.requests_max:
            return self._refuse(_busy(f"{self._requests} requests are in hand"), request)
        self._requests += 1
        try:
            answer = await self._take(request)
        finally:
            self._requests -= 1
        self._metrics.batch.observe(time.monotonic() - started)
        return self._refuse(answer, request) if isinstance(answer, Fault) else answer

    async def _take(self, request: web.Request) -> web.Response | Fault:
        topic = request.match_info["topic"]
        records = await self._checked(request, topic)
        if isinstance(records, Fault):
            return records
        count = len(records.keys)
        self._metrics.received.inc(count)
        if self._records and self._records + count > self._settings.in_flight_max_records:
            return _busy(f"{self._records} records wait for Kafka")
        self._records += count
        self._metrics.in_flight.set(self._records)
        try:
            outcomes = await self._kafka.produce(topic, records.keys, records.values)
        finally:
            self._records -= count
            self._metrics.in_flight.set(self._records)
        return self._answer(outcomes)

    async def _checked(self, request: web.Request, topic: str) -> Checked | Fault:
        if topic not in EDGE_TOPICS:
            return Fault(40401, f"there is no topic {topic[:80]!r}", f"known topics are {', '.join(EDGE_TOPICS)}")
        if request.content_type != CONTENT_TYPE:
            return Fault(41501, f"Content-Type {request.content_type[:80]!r} is not taken", f"send {CONTENT_TYPE}")
        plain = await self._read(request)
        if isinstance(plain, Fault):
            return plain
        return check(topic, plain, self._permit(request), self._settings.record_max_bytes)

    async def _read(self, request: web.Request) -> bytes | Fault:
        """The inflated body, within its limits of size and time."""
        limit = self._settings.body_max_bytes
        if (request.content_length or 0) > limit:
            return too_large(limit)
        try:
            async with asyncio.timeout(self._settings.body_timeout_s):
                content = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return too_large(limit)
        except TimeoutError:
            return Fault(40801, f"the body did not arrive within {self._settings.body_timeout_s} s", "send the request again")
        return inflate(content, request.headers.get("Content-Encoding", "").lower(), self._settings.decompressed_max_bytes)

    def _permit(self, request: web.Request) -> Permit:
        return read_permit(request.transport.get_extra_info("peercert") if request.transport is not None else None)

    def _answer(self, outcomes: list[Outcome]) -> web.Response | Fault:
        failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
        self._metrics.sent.inc(len(outcomes) - len(failed))
        if failed:
            self._metrics.errors.labels("kafka").inc(len(failed))
        passing = next((outcome for outcome in failed if outcome.passes), None)
        if passing is not None:
            return Fault(50301, f"Kafka has not acknowledged {len(failed)} of {len(outcomes)} records: {passing.why}", "send the request again later")
        return _json(200, {"offsets": [_place(outcome) for outcome in outcomes], "key_schema_id": None, "value_schema_id": None})

    def _refuse(self, fault: Fault, request: web.Request) -> web.Response:
        self._metrics.rejected.labels(str(fault.error_code)).inc()
        now = time.monotonic()
        if now - self._logged_at > _LOG_EVERY_S:
            self._logged_at = now
            log.warning("%r refused for gateway %r: %d %s", request.path[:80], self._permit(request).gateway_id, fault.status, fault.message)
        retry = {"Retry-After": str(self._settings.retry_after_s)} if fault.status in (429, 503) else {}
        return _json(fault.status, fault, retry)

    @web.middleware
    async def _in_json(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Also what aiohttp refuses by itself has a JSON body that says what to do."""
        try:
            return await handler(request)
        except web.HTTPException as refusal:
            if refusal.status < 400:
                raise
            hint = "POST /topics/{topic} takes records, GET /health says how Kafka is"
            answer = self._refuse(Fault(refusal.status * 100, refusal.reason, hint), request)
            if "Allow" in refusal.headers:
                answer.headers["Allow"] = refusal.headers["Allow"]
            return answer


def _busy(why: str) -> Fault:
    return Fault(42901, f"too much in flight: {why}", "send the request again after Retry-After seconds")


def _place(outcome: Outcome) -> dict[str, int | str | None]:
    if isinstance(outcome, Failed):
        return {"partition": None, "offset": None, "error_code": _RETRIABLE if outcome.passes else _NON_RETRIABLE, "error": outcome.why}
    return {"partition": outcome.partition, "offset": outcome.offset}


def _json(status: int, content: object, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(content), content_type=_ANSWER_TYPE, headers=headers)
