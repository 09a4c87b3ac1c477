"""How notification is configured: environment variables that begin with `NOTIFY_`. What has no address is not used."""

from pathlib import Path

import msgspec

from cloud_stream.alerting.rules import SEVERITIES, Severity
from contracts.errors import Terminal
from contracts.settings import Secret


class NotifySettings(msgspec.Struct, frozen=True, kw_only=True):
    """One notifying process; several share the work as one consumer group."""

    kafka: str
    """Bootstrap address of the central cluster; a wrong one is waited for."""
    dead_letter: Path
    """File to which goes, a JSON object a line, what could not be delivered after all attempts."""
    webhook_url: str = ""
    webhook_secret: Secret | None = None
    """Key of the signature (HMAC-SHA256); without one the receiver cannot tell who speaks."""
    webhook_secret_file: Path | None = None
    """A file with that key, in place of the variable."""
    alertmanager_url: str = ""
    """Base address, as in http://127.0.0.1:9093."""
    smtp_host: str = ""
    smtp_port: int = 25
    smtp_starttls: bool = False
    smtp_user: str = ""
    smtp_password: Secret | None = None
    smtp_password_file: Path | None = None
    smtp_from: str = "voltlake@localhost"
    smtp_to: tuple[str, ...] = ()
    least_severity: Severity = "warning"
    group_by: tuple[str, ...] = ("rule", "region")
    """Alerts that agree in these fields go out together."""
    group_wait_s: float = 10.0
    """How long a group waits for more, from its first alert on. Longer: fewer messages; shorter: sooner."""
    most_per_minute: int = 20
    """Messages a minute and channel; what is over it waits and joins its group."""
    attempts: int = 6
    timeout_s: float = 5.0
    metrics_port: int = 0
    """0 serves no metrics."""


def checked(settings: NotifySettings) -> NotifySettings:
    """The settings with secrets out of their files. Raises Terminal where they make no sense."""
    if not (settings.webhook_url or settings.alertmanager_url or settings.smtp_host):
        raise Terminal("nothing to notify: set NOTIFY_WEBHOOK_URL, NOTIFY_ALERTMANAGER_URL or NOTIFY_SMTP_HOST")
    if settings.smtp_host and not settings.smtp_to:
        raise Terminal("NOTIFY_SMTP_TO is missing: who is to get the e-mail?")
    known = {"rule", "region", "severity", "vehicle_id"}
    if strange := sorted(set(settings.group_by) - known):
        raise Terminal(f"NOTIFY_GROUP_BY: unknown field {', '.join(strange)}; known are {', '.join(sorted(known))}")
    if settings.group_wait_s < 0 or settings.most_per_minute < 1 or settings.attempts < 1:
        raise Terminal("NOTIFY_GROUP_WAIT_S must be 0 or more, NOTIFY_MOST_PER_MINUTE and NOTIFY_ATTEMPTS at least 1")
    secrets = {
        "webhook_secret": _from_file(settings.webhook_secret, settings.webhook_secret_file, "NOTIFY_WEBHOOK_SECRET_FILE"),
        "smtp_password": _from_file(settings.smtp_password, settings.smtp_password_file, "NOTIFY_SMTP_PASSWORD_FILE"),
    }
    return msgspec.structs.replace(settings, **secrets)


def _from_file(given: Secret | None, path: Path | None, name: str) -> Secret | None:
    if path is None:
        return given
    try:
        return Secret(path.read_text().strip())
    except (OSError, UnicodeDecodeError) as error:
        raise Terminal(f"{name}: {path} cannot be read: {error}") from None


def at_least(severity: str, least: str) -> bool:
    """Whether a severity is worth a message."""
    return severity in SEVERITIES and SEVERITIES.index(severity) >= SEVERITIES.index(least)
