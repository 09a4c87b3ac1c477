"""One produce request over HTTPS, and what its answer means. The only place that knows aiohttp's client.

Speaks the JSON produce format of the Kafka REST proxy v2, so that the other side may be ingest, Confluent's proxy or Strimzi's bridge.
"""

import asyncio
import logging
import ssl
import zlib
from pathlib import Path
from typing import NamedTuple

import aiohttp
import msgspec

from contracts.errors import Terminal, Transient

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/vnd.kafka.json.v2+json"
BLAMES_CONTENT = frozenset({400, 403, 413, 422})
"""Statuses that say: this content will never be taken."""
_NON_RETRIABLE = 1
_GZIP_WBITS = 31
_INLINE_BYTES = 64 * 2**10
"""Up to here compressing takes less than handing it to a thread."""
_DETAIL_CHARACTERS = 300


class Later(Transient):
    """Not now. `after_s` is what Retry-After asked for, or None. `mine` where the setup is wrong: a person is needed."""

    def __init__(self, why: str, after_s: float | None = None, *, mine: bool = False) -> None:
        super().__init__(why)
        self.after_s = after_s
        self.mine = mine


class Refused(NamedTuple):
    """The content is refused: the whole request (`records` None) or the records at these positions."""

    status: int
    detail: str
    records: list[int] | None = None


class _Place(msgspec.Struct, frozen=True):
    partition: int | None = None
    offset: int | None = None
    error_code: int | None = None
    error: str | None = None


class _Answer(msgspec.Struct, frozen=True):
    offsets: list[_Place]


class _Complaint(msgspec.Struct, frozen=True):
    error_code: int | None = None
    message: str = ""
    hint: str = ""


def client_context(ca: Path, cert: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer with the gateway's certificate. Raises Terminal where the files are no good."""
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise Terminal(f"certificates {ca}, {cert}, {key} cannot be used: {error}; make them anew") from None
    return context


class Producer:
    """Requests to one address over a few kept-alive connections."""

    def __init__(self, url: str, context: ssl.SSLContext, *, connections: int, level: int, timeout_s: float) -> None:
        self._url = url.rstrip("/")
        self._level = level
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=connections),
            timeout=aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(10.0, timeout_s)),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def post(self, topic: str, content: bytes, records: int) -> Refused | None:
        """Send one request. None: all is acknowledged by Kafka. Raises Later for all that may pass."""
        headers = {"Content-Type": CONTENT_TYPE, "Accept": "application/vnd.kafka.v2+json, application/json"}
        if self._level:
            headers["Content-Encoding"] = "gzip"
            small = len(content) <= _INLINE_BYTES
            content = _gzip(content, self._level) if small else await asyncio.to_thread(_gzip, content, self._level)
        try:
            async with self._session.post(f"{self._url}/topics/{topic}", data=content, headers=headers) as response:
                text = await response.read()
                return _judge(response.status, text, records, response.headers.get("Retry-After"))
        except aiohttp.ClientConnectorCertificateError as error:
            raise Later(f"{self._url} shows a certificate that our CA did not sign: {error.certificate_error}", mine=True) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Later(f"no answer from {self._url}: {error or type(error).__name__}") from error


def _gzip(content: bytes, level: int) -> bytes:
    return zlib.compress(content, level, _GZIP_WBITS)


def _judge(status: int, text: bytes, records: int, retry_after: str | None) -> Refused | None:
    if status == 200:
        return _judge_offsets(text, records)
    detail = _complaint(text)
    if status in BLAMES_CONTENT:
        return Refused(status, detail)
    after_s = float(retry_after) if retry_after and retry_after.isdecimal() else None
    passes = status >= 500 or status in (408, 425, 429)
    raise Later(f"ingest answers {status}: {detail}", after_s, mine=not passes)


def _judge_offsets(text: bytes, records: int) -> Refused | None:
    try:
        offsets = msgspec.json.decode(text, type=_Answer).offsets
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Later(f"ingest's answer is no produce response: {error}", mine=True) from None
    if len(offsets) != records:
        raise Later(f"ingest's answer speaks of {len(offsets)} records where {records} were sent", mine=True)
    failed = [(at, place) for at, place in enumerate(offsets) if place.error_code is not None]
    if not failed:
        return None
    later = [place for _, place in failed if place.error_code != _NON_RETRIABLE and not 400 <= (place.error_code or 0) < 500]
    if later:
        raise Later(f"{len(later)} records were not taken: {later[0].error}")
    return Refused(failed[0][1].error_code or 0, (failed[0][1].error or "")[:_DETAIL_CHARACTERS], [at for at, _ in failed])


def _complaint(text: bytes) -> str:
    try:
        found = msgspec.json.decode(text, type=_Complaint)
        said = f"{found.message} {found.hint}".strip()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        said = text.decode(errors="replace")
    return said[:_DETAIL_CHARACTERS] or "(no reason given)"
