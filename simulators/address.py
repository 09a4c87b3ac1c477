"""Where a broker is: `mqtt://HOST[:PORT]`, or `mqtts://HOST[:PORT]` with TLS and, where it asks for one, a client certificate."""

from urllib.parse import urlsplit

import msgspec

from contracts.errors import Terminal

_PORTS = {"mqtt": 1883, "mqtts": 8883}


class Address(msgspec.Struct, frozen=True):
    """A broker's address, as a URL says it."""

    host: str
    port: int
    tls: bool


def address(url: str) -> Address:
    """Read a broker's URL. Raises Terminal."""
    example = "write it as mqtt://HOST:PORT or, with TLS, mqtts://HOST:PORT"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Terminal(f"the broker {url!r} is no address: {error}; {example}") from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise Terminal(f"the broker {url!r} is no address; {example}")
    if parts.username is not None:
        raise Terminal("a user name and password do not belong into the broker's address, which others can read; give them in a file with --login")
    if port == 0:
        raise Terminal(f"the broker {url!r} has port 0; {example}")
    return Address(parts.hostname, port or _PORTS[parts.scheme], parts.scheme == "mqtts")
