"""TLS towards the broker: whom to trust, which certificate to show, and what went wrong in words."""

import ssl
from pathlib import Path

from contracts.errors import Terminal

LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""What a socket says, encrypted or not, that cannot go on now."""


def context(authority: str, certificate: str, key: str) -> ssl.SSLContext:
    """TLS that trusts this authority (file; the system's where empty) and shows this certificate, if any. Raises Terminal."""
    for file in (authority, certificate, key):
        if file and not Path(file).is_file():
            raise Terminal(f"cannot read {file}: there is no such file; give PEM files for the authority, the certificate and its key")
    if key and not certificate:
        raise Terminal(f"the key {key} needs its certificate; give both")
    try:
        made = ssl.create_default_context(cafile=authority or None)
    except (ssl.SSLError, OSError) as error:
        raise Terminal(f"cannot use {authority} as authority: {reason(error)}; give its certificate as PEM") from None
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate:
        try:
            made.load_cert_chain(certificate, key or None, password=_no_password)
        except (ssl.SSLError, OSError) as error:
            raise Terminal(f"cannot use the certificate {certificate} with its key: {reason(error)}; both must be PEM and belong together") from None
    return made


def _no_password() -> str:
    """Without this OpenSSL would ask on the terminal, where nobody may be."""
    return ""


def reason(error: OSError) -> str:
    """What a connection, or a certificate, failed of."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {(error.reason or 'the connection was cut').replace('_', ' ').lower()}"
    return error.strerror or str(error)
