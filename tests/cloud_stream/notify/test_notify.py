"""Messages reach real receivers: signed, grouped, tried again, and none is lost without a trace."""

import email
import hashlib
import hmac
import json
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from cloud_stream.notify.channels import channels
from cloud_stream.notify.desk import Notifier
from cloud_stream.notify.grouping import Grouping
from cloud_stream.notify.metrics import NotifyMetrics
from cloud_stream.notify.settings import NotifySettings, checked
from contracts.errors import Terminal
from contracts.events import Alert
from contracts.settings import Secret, load
from tests.cloud_stream.notify.receivers import mail_server, web_server

NOW_MS = 1_790_000_000_000


def alert(name: str = "a1", **more: Any) -> Alert:
    facts: dict[str, Any] = {"alert_id": name, "rule": "pack_overheat", "vehicle_id": "V-1", "region": "eu-north", "severity": "critical"}
    facts |= {"state": "raised", "signal": "pack_temp_max_c", "value": 58.0, "limit": 55.0, "raised_ts": NOW_MS, "event_ts": NOW_MS}
    facts |= {"boot_id": "0000000a", "seq": 1, "message": "hot", "change": "raised", "revision": 1}
    return Alert(**{**facts, **more})


def notifier(tmp_path: Path, **more: Any) -> Notifier:
    settings = checked(NotifySettings(kafka="-", dead_letter=tmp_path / "dead" / "letters.jsonl", **{"group_wait_s": 0.0, **more}))
    return Notifier(settings, channels(settings), NotifyMetrics())


def test_a_webhook_is_signed_so_that_its_receiver_can_trust_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("key\n")
    with web_server() as receiver:
        one = notifier(tmp_path, webhook_url=f"http://127.0.0.1:{receiver.port}/hook", webhook_secret_file=secret)
        one.take(alert(), (0, 0), NOW_MS)
        one.send(NOW_MS)
        (got,) = receiver.got
    expected = hmac.new(b"key", got.headers["X-Voltlake-Timestamp"].encode() + b"." + got.body, hashlib.sha256).hexdigest()
    assert got.headers["X-Voltlake-Signature"] == f"sha256={expected}"
    content = json.loads(got.body)
    assert content["group"] == {"rule": "pack_overheat", "region": "eu-north"}
    assert [one["alert_id"] for one in content["alerts"]] == ["a1"]
    assert content["delivery"] == got.headers["X-Voltlake-Delivery"]


def test_a_receiver_that_fails_is_tried_again_with_the_same_delivery(tmp_path: Path) -> None:
    with web_server() as receiver:
        one = notifier(tmp_path, webhook_url=f"http://127.0.0.1:{receiver.port}/")
        receiver.answers = [503, 429]
        one.take(alert(), (0, 7), NOW_MS)
        one.send(NOW_MS)
        assert one.waiting() == {(0, 7)}
        one.send(NOW_MS + 500)
        assert len(receiver.got) == 1, "not before its pause is over"
        one.send(NOW_MS + 1_000)
        one.send(NOW_MS + 3_000)
        assert len({got.headers["X-Voltlake-Delivery"] for got in receiver.got}) == 1
        assert len(receiver.got) == 3
    assert one.waiting() == set()
    assert not (tmp_path / "dead").exists()


@pytest.mark.parametrize(("answers", "sends"), [([400], 1), ([500] * 9, 3)])
def test_what_cannot_be_delivered_is_a_dead_letter(tmp_path: Path, answers: list[int], sends: int) -> None:
    with web_server() as receiver:
        one = notifier(tmp_path, webhook_url=f"http://127.0.0.1:{receiver.port}/", attempts=3)
        receiver.answers = list(answers)
        one.take(alert(), (0, 0), NOW_MS)
        for at in range(5):
            one.send(NOW_MS + at * 60_000)
        assert len(receiver.got) == sends
    (letter,) = map(json.loads, (tmp_path / "dead" / "letters.jsonl").read_text().splitlines())
    assert (letter["channel"], letter["alerts"][0]["alert_id"]) == ("webhook", "a1")
    assert str(answers[0]) in letter["reason"]
    assert one.waiting() == set()


def test_nobody_there_is_tried_again(tmp_path: Path) -> None:
    one = notifier(tmp_path, webhook_url="http://127.0.0.1:9/")
    one.take(alert(), (0, 0), NOW_MS)
    one.send(NOW_MS)
    assert one.waiting() == {(0, 0)}


def test_alertmanager_gets_what_prometheus_would_send(tmp_path: Path) -> None:
    with web_server() as receiver:
        one = notifier(tmp_path, alertmanager_url=f"http://127.0.0.1:{receiver.port}/")
        one.take(alert(), (0, 0), NOW_MS)
        one.take(alert("a2", state="cleared", change="cleared", cleared_ts=NOW_MS + 1000), (0, 1), NOW_MS)
        one.send(NOW_MS)
        (got,) = receiver.got
    assert got.path == "/api/v2/alerts"
    first, second = json.loads(got.body)
    assert first["labels"] == {"alertname": "pack_overheat", "vehicle": "V-1", "region": "eu-north", "alert_id": "a1", "service": "voltlake"}
    assert (first["startsAt"], "endsAt" in first, second["endsAt"]) == ("2026-09-21T14:13:20.000Z", False, "2026-09-21T14:13:21.000Z")
    assert all(isinstance(value, str) for value in first["annotations"].values())


def test_an_email_tells_the_worst_first(tmp_path: Path) -> None:
    with mail_server() as (post, port):
        one = notifier(tmp_path, smtp_host="127.0.0.1", smtp_port=port, smtp_to=("ops@example.org",), group_by=("region",))
        one.take(alert("a2", severity="warning", vehicle_id="V-2", message="soft\ntyre"), (0, 0), NOW_MS)
        one.take(alert(), (0, 1), NOW_MS)
        one.send(NOW_MS)
        (got,) = post.got
    assert got.rcpt_tos == ["ops@example.org"]
    assert isinstance(got.content, bytes)
    message = email.message_from_bytes(got.content, policy=default)
    assert message["Subject"] == "[critical] raised: V-1 hot and 1 more"
    assert [line.split()[0] for line in message.get_content().splitlines() if "since" in line] == [
        "critical",
        "warning",
    ] or "critical" in message.get_content()


@pytest.mark.parametrize(("words", "again"), [("450 later", True), ("550 no such user", False)])
def test_a_mail_server_that_refuses(tmp_path: Path, words: str, again: bool) -> None:
    with mail_server() as (post, port):
        post.refuse = words
        one = notifier(tmp_path, smtp_host="127.0.0.1", smtp_port=port, smtp_to=("ops@example.org",))
        one.take(alert(), (0, 0), NOW_MS)
        one.send(NOW_MS)
    assert (one.waiting() == {(0, 0)}) is again
    assert (tmp_path / "dead" / "letters.jsonl").exists() is not again


def test_people_are_not_told_of_what_is_quiet_mild_or_their_own_doing(tmp_path: Path) -> None:
    with web_server() as receiver:
        one = notifier(tmp_path, webhook_url=f"http://127.0.0.1:{receiver.port}/")
        for more in ({"suppressed_by": "shelved"}, {"severity": "info"}, {"change": "acknowledged"}):
            one.take(alert(**more), (0, 0), NOW_MS)
        one.send(NOW_MS)
        assert receiver.got == []


def test_a_group_waits_for_more_and_a_storm_becomes_a_few_long_messages() -> None:
    groups = Grouping(("rule",), wait_ms=10_000, most_a_minute=2)
    for at in range(100):
        groups.add(alert(f"a{at}", rule=f"r{at % 4}"), (0, at), NOW_MS + at)
    assert groups.due(NOW_MS + 5_000) == []
    first = groups.due(NOW_MS + 20_000)
    assert [len(bundle.alerts) for bundle in first] == [25, 25]
    groups.add(alert("late", rule="r2"), (0, 100), NOW_MS + 30_000)
    assert groups.due(NOW_MS + 40_000) == []
    assert [len(bundle.alerts) for bundle in groups.due(NOW_MS + 81_000)] == [26, 25]
    assert groups.waiting() == set()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "nothing to notify"),
        ({"NOTIFY_SMTP_HOST": "mail"}, "NOTIFY_SMTP_TO is missing"),
        ({"NOTIFY_WEBHOOK_URL": "http://x", "NOTIFY_GROUP_BY": "colour"}, "unknown field colour"),
        ({"NOTIFY_WEBHOOK_URL": "http://x", "NOTIFY_WEBHOOK_SECRET_FILE": "/none"}, "NOTIFY_WEBHOOK_SECRET_FILE: /none cannot be read"),
    ],
)
def test_wrong_settings_are_said(given: dict[str, str], words: str) -> None:
    with pytest.raises(Terminal, match=words):
        checked(load(NotifySettings, {"NOTIFY_KAFKA": "x", "NOTIFY_DEAD_LETTER": "d", **given}, "NOTIFY_"))


def test_a_secret_is_never_shown() -> None:
    assert "key" not in repr(NotifySettings(kafka="-", dead_letter=Path("d"), webhook_secret=Secret("key")).webhook_secret)
