"""What the dashboard is told: `DASHBOARD_` variables."""

from pathlib import Path

import msgspec

from contracts.errors import Terminal


class Settings(msgspec.Struct, frozen=True):
    """One dashboard process. Fields without a value must be given."""

    port: int
    kafka: str  # bootstrap servers of the central cluster; another cluster has no alerts and the list stays empty
    lake: str  # the folder above bronze/, silver/ and gold/; a wrong one shows as "waiting for gold.vehicle_current"
    redis: str  # redis://host:port/db of the online store; another database shows every vehicle as missing
    accounts: Path  # folder of accounts.db, mode 0700; lost with it are users, tokens, sessions and the record of acts
    host: str = "127.0.0.1"  # beyond loopback: behind a proxy that speaks HTTPS, with secure=true
    secure: bool = False  # true where browsers come over HTTPS: the session's cookie then never travels in the clear
    metrics_port: int = 0  # 0 = none
    targets: tuple[str, ...] = ()  # name=address of each process's metrics, for the page on the pipeline; without them it has only the lake's figures


def targets(settings: Settings) -> dict[str, str]:
    """The address of each process's metrics, by its name. Raises Terminal where one is malformed."""
    pairs = [text.partition("=") for text in settings.targets]
    if wrong := [name for name, _, address in pairs if not name or not address.startswith(("http://", "https://"))]:
        raise Terminal(f"setting DASHBOARD_TARGETS has {wrong[0]!r}; an entry is name=http://host:port/metrics")
    return {name: address for name, _, address in pairs}


def check(settings: Settings) -> Settings:
    """The settings, if their ports can be ports. Raises Terminal."""
    for name, port, least in (("PORT", settings.port, 1), ("METRICS_PORT", settings.metrics_port, 0)):
        if not least <= port <= 65535:
            raise Terminal(f"setting DASHBOARD_{name} is {port}; a port is {least} to 65535")
    targets(settings)
    return settings
