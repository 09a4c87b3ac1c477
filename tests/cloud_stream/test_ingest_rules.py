"""The pure parts of ingest: bounded inflation, permits, and what a batch of records is refused for."""

import gzip
import tracemalloc
import zlib

from hypothesis import given
from hypothesis import strategies as st

from cloud_stream.ingest.body import inflate
from cloud_stream.ingest.fault import Fault
from cloud_stream.ingest.permit import Permit, read_permit
from cloud_stream.ingest.records import Checked, check
from contracts.topics import TELEMETRY

PERMIT = Permit("gw-1", frozenset({"eu"}))


@given(st.binary(max_size=300), st.integers(min_value=1, max_value=300))
def test_a_body_is_inflated_exactly_up_to_the_limit(content: bytes, limit: int) -> None:
    for encoding, sent in (("gzip", gzip.compress(content)), ("", content), ("identity", content)):
        plain = inflate(sent, encoding, limit)
        if len(content) <= limit:
            assert plain == content
        else:
            assert isinstance(plain, Fault)
            assert plain.status == 413


def test_a_zip_bomb_takes_no_more_memory_than_the_limit() -> None:
    zeros = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(zeros.compress(bytes(2**20)) for _ in range(64)) + zeros.flush()
    tracemalloc.start()
    try:
        plain = inflate(bomb, "gzip", 2**20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(plain, Fault)
    assert peak < 4 * 2**20


@given(st.binary(max_size=200))
def test_bytes_that_are_no_gzip_stream_are_refused_and_never_raise(content: bytes) -> None:
    plain = inflate(content, "gzip", 1000)
    assert isinstance(plain, Fault) or gzip.decompress(content) == plain


@given(st.binary(max_size=100) | st.text('{}[]",:01ae. \\', max_size=60).map(str.encode))
def test_any_bytes_are_checked_without_raising(content: bytes) -> None:
    for body in (content, b'{"records":[{"key":"A","value":' + content + b"}]}"):
        assert isinstance(check(TELEMETRY, body, PERMIT, 1000), Fault | Checked)


def test_a_permit_is_read_from_the_certificate() -> None:
    certificate = {
        "subject": ((("organizationName", "fleet"),), (("commonName", "gw-1"),)),
        "subjectAltName": (("DNS", "gw-1"), ("URI", "urn:voltlake:region:eu"), ("URI", "urn:other:us"), ("URI", "urn:voltlake:region:us")),
    }
    assert read_permit(certificate) == Permit("gw-1", frozenset({"eu", "us"}))
    assert read_permit(None) == Permit("", frozenset())
    assert read_permit({"subject": ()}) == Permit("", frozenset())
