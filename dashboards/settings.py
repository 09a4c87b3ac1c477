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


def check(settings: Settings) -> Settings:
    """The settings, if their ports can be ports. Raises Terminal."""
    for name, port, least in (("PORT", settings.port, 1), ("METRICS_PORT", settings.metrics_port, 0)):
        if not least <= port <= 65535:
            raise Terminal(f"setting DASHBOARD_{name} is {port}; a port is {least} to 65535")
    return settings
