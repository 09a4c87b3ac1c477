"""Sending: one attempt. Raises Transient where another attempt may help, Terminal where it cannot."""

import smtplib
import ssl
import time
from collections.abc import Callable

import requests

from cloud_stream.notify.grouping import Bundle
from cloud_stream.notify.messages import alertmanager_body, delivery_id, email, signature, webhook_body
from cloud_stream.notify.settings import NotifySettings
from contracts.errors import Terminal, Transient

Send = Callable[[Bundle], None]
_AGAIN = frozenset({408, 425, 429})


def channels(settings: NotifySettings) -> dict[str, Send]:
    """The channels that are configured, by name."""
    every: dict[str, tuple[str, Callable[[NotifySettings, Bundle], None]]] = {
        "webhook": (settings.webhook_url, _webhook),
        "alertmanager": (settings.alertmanager_url, _alertmanager),
        "email": (settings.smtp_host, _email),
    }
    return {name: _bound(send, settings) for name, (address, send) in every.items() if address}


def _bound(send: Callable[[NotifySettings, Bundle], None], settings: NotifySettings) -> Send:
    return lambda bundle: send(settings, bundle)


def _webhook(settings: NotifySettings, bundle: Bundle) -> None:
    body = webhook_body(bundle, settings.group_by)
    stamp = str(int(time.time()))
    headers = {"X-Voltlake-Timestamp": stamp, "X-Voltlake-Delivery": delivery_id(bundle)}
    if settings.webhook_secret:
        headers["X-Voltlake-Signature"] = signature(settings.webhook_secret.reveal(), stamp, body)
    _post(settings.webhook_url, body, headers, settings.timeout_s)


def _alertmanager(settings: NotifySettings, bundle: Bundle) -> None:
    _post(f"{settings.alertmanager_url.rstrip('/')}/api/v2/alerts", alertmanager_body(bundle), {}, settings.timeout_s)


def _post(url: str, body: bytes, headers: dict[str, str], timeout_s: float) -> None:
    try:
        answer = requests.post(url, data=body, headers={"Content-Type": "application/json", **headers}, timeout=timeout_s, allow_redirects=False)
    except requests.ConnectionError as error:
        raise Transient(f"the receiver cannot be reached: {type(error).__name__}") from None
    except requests.Timeout:
        raise Transient(f"the receiver did not answer in {timeout_s:g} s") from None
    except requests.RequestException as error:
        raise Terminal(f"the request cannot be made: {type(error).__name__}") from None
    if answer.status_code >= 500 or answer.status_code in _AGAIN:
        raise Transient(f"the receiver answers {answer.status_code}")
    if not 200 <= answer.status_code < 300:
        raise Terminal(f"the receiver refuses with {answer.status_code}")


def _email(settings: NotifySettings, bundle: Bundle) -> None:
    message = email(bundle, settings.smtp_from, settings.smtp_to)
    try:
        with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=settings.timeout_s) as server:
            if settings.smtp_starttls:
                server.starttls(context=ssl.create_default_context())
            if settings.smtp_user and settings.smtp_password:
                server.login(settings.smtp_user, settings.smtp_password.reveal())
            server.send_message(message)
    except smtplib.SMTPResponseException as error:
        kind = Transient if 400 <= error.smtp_code < 500 else Terminal
        raise kind(f"the mail server answers {error.smtp_code}") from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = {code for code, _ in error.recipients.values()}
        kind = Terminal if all(code >= 500 for code in codes) else Transient
        raise kind(f"the mail server refuses the receivers: {', '.join(map(str, sorted(codes)))}") from None
    except smtplib.SMTPNotSupportedError as error:
        raise Terminal(f"the mail server cannot do what is asked for: {error}") from None
    except (smtplib.SMTPException, OSError) as error:
        raise Transient(f"the mail server cannot be reached: {type(error).__name__}") from None
