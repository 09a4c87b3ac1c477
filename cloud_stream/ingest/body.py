"""The bytes of a request, bounded before and after inflation. Pure."""

import zlib

from cloud_stream.ingest.fault import Fault

_GZIP_WBITS = 31
ENCODINGS = ("", "identity", "gzip")


def inflate(content: bytes, encoding: str, limit_bytes: int) -> bytes | Fault:
    """The plain bytes, never inflated past the limit."""
    if encoding not in ENCODINGS:
        return Fault(41502, f"Content-Encoding {encoding[:40]!r} is not taken", "send gzip, or no Content-Encoding")
    if encoding != "gzip":
        return content if len(content) <= limit_bytes else _too_large(limit_bytes)
    inflater = zlib.decompressobj(_GZIP_WBITS)
    try:
        plain = inflater.decompress(content, limit_bytes)
        if not inflater.eof and len(plain) >= limit_bytes and inflater.decompress(inflater.unconsumed_tail, 1):
            return _too_large(limit_bytes)
    except zlib.error as error:
        return Fault(40001, f"the body is no gzip stream: {error}", "compress the whole JSON text as one gzip stream")
    if not inflater.eof or inflater.unused_data:
        return Fault(40001, "the body is not exactly one whole gzip stream", "compress the whole JSON text as one gzip stream")
    return plain


def too_large(limit_bytes: int) -> Fault:
    """The request as it travels is over its limit."""
    return Fault(41301, f"the request is larger than {limit_bytes} bytes", "send fewer records a request")


def _too_large(limit_bytes: int) -> Fault:
    return Fault(41302, f"the request is larger than {limit_bytes} bytes once inflated", "send fewer records a request")
