"""Whether a server can be used: what it answers, not that its port is open. Each check raises Transient until then."""

import http.client
import socket
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path

from contracts.errors import Transient
from voltlake.stack.ports import HOST

TIMEOUT_S = 2.0

# CONNECT of MQTT 5: clean start, keep alive 10 s, no properties, an empty client id; and the first byte of a CONNACK.
MQTT_CONNECT = bytes([0x10, 13, 0, 4]) + b"MQTT" + bytes([5, 2, 0, 10, 0, 0, 0])
MQTT_CONNACK = 0x20
MQTT_DISCONNECT = bytes([0xE0, 0])


def mqtt(port: int) -> None:
    """The broker accepts a session."""
    answer = _ask(port, MQTT_CONNECT, MQTT_DISCONNECT)
    if len(answer) < 4 or answer[0] != MQTT_CONNACK or answer[3] != 0:
        raise Transient(f"the MQTT broker on port {port} does not accept a session")


def redis(port: int) -> None:
    """The server answers and has loaded what it had saved."""
    if not _ask(port, b"PING\r\n").startswith(b"+PONG"):
        raise Transient(f"Redis on port {port} is not ready")


def kafka(bootstrap: str, topics: Mapping[str, Mapping[str, str]]) -> None:
    """The broker answers, and the topics are there: what is missing is made."""
    host, _, port = bootstrap.rpartition(":")
    try:
        socket.create_connection((host, int(port)), TIMEOUT_S).close()
    except OSError as error:
        raise Transient(f"Kafka on {bootstrap} does not answer") from error
    from voltlake.stack.topics import provide

    provide(bootstrap, topics)


def port(number: int) -> None:
    """Something accepts connections there."""
    try:
        socket.create_connection((HOST, number), TIMEOUT_S).close()
    except OSError as error:
        raise Transient(f"port {number} does not answer yet") from error


def page(number: int, path: str = "/metrics") -> None:
    """A process serves that page."""
    _get(http.client.HTTPConnection(HOST, number, timeout=TIMEOUT_S), path)


def ingest(port: int, certificates: Path, name: str) -> None:
    """Ingest says that it is well, over TLS, to the client certificate of that name."""
    try:
        context = ssl.create_default_context(cafile=certificates / "ca.pem")
        context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    except (OSError, ssl.SSLError) as error:
        raise Transient(f"the certificates in {certificates} cannot be read: {error}") from error
    _get(http.client.HTTPSConnection(HOST, port, timeout=TIMEOUT_S, context=context), "/health")


def answers(check: Callable[[], None]) -> bool:
    """Whether it is ready now."""
    try:
        check()
    except Transient:
        return False
    return True


def _get(connection: http.client.HTTPConnection, path: str) -> None:
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise Transient(f"port {connection.port} does not answer yet") from error
    finally:
        connection.close()
    if status != 200:
        raise Transient(f"port {connection.port} answers {path} with {status}")


def _ask(port: int, question: bytes, farewell: bytes = b"") -> bytes:
    try:
        with socket.create_connection((HOST, port), TIMEOUT_S) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.sendall(question)
            answer = connection.recv(64)
            if farewell:
                connection.sendall(farewell)
            return answer
    except OSError as error:
        raise Transient(f"port {port} does not answer yet") from error
