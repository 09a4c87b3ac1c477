"""The composition root of ingest: joins HTTPS and Kafka, and ends them in the right order."""

import asyncio
import logging
import signal
from collections.abc import Mapping

from aiohttp import web

from cloud_stream.ingest.kafka import EdgeKafka
from cloud_stream.ingest.metrics import Metrics
from cloud_stream.ingest.server import Ingest, server_context
from cloud_stream.ingest.settings import Settings, check
from contracts.errors import Terminal
from contracts.settings import load

log = logging.getLogger(__name__)

PREFIX = "INGEST_"


def run(environ: Mapping[str, str]) -> None:
    """Serve until SIGTERM or SIGINT. Raises Terminal."""
    asyncio.run(serve(check(load(Settings, environ, PREFIX))))


async def serve(settings: Settings) -> None:
    """Serve until a signal (returns) or until Kafka's client is lost for good (Terminal)."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[str | None] = loop.create_future()

    def end(why: str | None) -> None:
        if not ended.done():
            ended.set_result(why)

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, end, None)
    context = server_context(settings)
    metrics = Metrics()
    metrics.serve(settings.metrics_port)
    kafka = EdgeKafka(
        settings.kafka,
        delivery_timeout_ms=settings.delivery_timeout_ms,
        linger_ms=settings.linger_ms,
        queue_records=2 * settings.in_flight_max_records,
        fatal=end,
    )
    runner = web.AppRunner(Ingest(settings, kafka, metrics).application(), access_log=None, auto_decompress=False, shutdown_timeout=settings.drain_s)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port, ssl_context=context).start()
    except OSError as error:
        await runner.cleanup()
        await kafka.close(0)
        raise Terminal(f"ingest cannot listen on {settings.host}:{settings.port}: {error.strerror}; set INGEST_PORT to a free one") from None
    log.info("ingest listens on https://%s:%d for Kafka at %s", settings.host, settings.port, settings.kafka)
    why = await ended
    if why is not None:
        log.error("%s", why)
        await runner.cleanup()
        raise Terminal(why)
    log.info("stopping: no more requests are taken")
    await runner.cleanup()
    await kafka.close(settings.drain_s)
