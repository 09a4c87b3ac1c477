"""Which broker simulated vehicles publish to: that of the running stack, or any other that is named."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from contracts.errors import Terminal
from contracts.settings import Secret

Url = Annotated[str, typer.Option("--broker", help="Any MQTT 5 broker: mqtt://HOST:PORT or mqtts://HOST:PORT; without it the running stack's.")]
Authority = Annotated[str, typer.Option("--ca", help="With mqtts: file of the authority to trust (PEM); the system's where absent.")]
Certificate = Annotated[str, typer.Option("--cert", help="With mqtts: client certificate (PEM) that every vehicle shows.")]
Key = Annotated[str, typer.Option("--key", help="With mqtts: the key of --cert (PEM).")]
Login = Annotated[str, typer.Option("--login", help="File whose first line is USER:PASSWORD for the broker.")]
Acks = Annotated[str, typer.Option("--acks", help="Who makes a message safe: 'gateway', or 'broker' (its PUBACK). A named broker: 'broker'.")]
Patience = Annotated[float, typer.Option("--patience", help="Seconds to wait for a named broker at the start; 0 is without end.", min=0)]


def destination(broker: str, certificates: tuple[str, str, str], login: str, acks: str, patience_s: float) -> dict[str, Any]:
    """Settings of the simulator that name the broker; `certificates` are authority, certificate and key. Raises Terminal."""
    from simulators.address import address
    from simulators.tls import context

    found = address(broker)
    if acks not in {"", "broker", "gateway"}:
        raise Terminal(f"--acks {acks} is none; choose broker or gateway")
    if any(certificates) and not found.tls:
        raise Terminal(f"--ca, --cert and --key are for TLS, and {broker} has none; write mqtts://")
    if found.tls:
        context(*certificates)
    names = ("mqtt_ca", "mqtt_cert", "mqtt_key")
    settings = {"mqtt_host": found.host, "mqtt_port": found.port, "mqtt_tls": found.tls, "patience_s": patience_s}
    return settings | dict(zip(names, certificates, strict=True)) | {"puback_is_safe": acks != "gateway"} | _login(login)


def _login(file: str) -> dict[str, Any]:
    """User and password from a file: a command line can be read by everybody on the machine."""
    if not file:
        return {}
    try:
        user, colon, password = Path(file).read_text().partition("\n")[0].partition(":")
    except (OSError, UnicodeDecodeError) as error:
        raise Terminal(f"cannot read the login file {file}: {getattr(error, 'strerror', None) or 'it is no text'}") from None
    if not colon or not user:
        raise Terminal(f"the login file {file} does not hold USER:PASSWORD in its first line")
    return {"mqtt_user": user, "mqtt_password": Secret(password)}


REGISTRY = "registry.csv"
"""The master data of a run's vehicles, beside its ledger."""


def of_stack(data: Path, kind: str) -> dict[str, Any]:
    """Settings of the simulator for the running stack's broker, with a ledger of this run for an audit. Raises Terminal where none runs."""
    from voltlake.stack import record

    found = record.require(data.resolve())
    ledger = _ledger(found.layout.ledger, kind)
    return {"mqtt_port": found.plan.ports["mqtt"], "regions": found.plan.regions, "ledger": str(ledger), "registry": str(ledger / REGISTRY)}


def _ledger(folder: Path, kind: str) -> Path:
    """A folder of its own for each run, as each writes its progress there."""
    return folder / f"{kind}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{time.time_ns() % 1_000_000:06d}"
