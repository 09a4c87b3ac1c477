"""What the server lets whom do."""

import pytest

from contracts import codec
from dashboards.accounts import acts, tokens
from dashboards.accounts.store import Store
from dashboards.live.wishes import wish
from tests.dashboards.client import Client
from tests.dashboards.made import Dashboard, MockCluster, alert, now_ms, until

ASKED = ("/", "/alerts", "/api/me", "/api/battery", "/api/alerts", "/live", "/feed/v1/ws", "/feed/v1/events", "/api/acts", "/api/vehicles/A/history")


@pytest.fixture(scope="module")
def store(dashboard: Dashboard) -> Store:
    return Store(dashboard.accounts)


def signed_in(dashboard: Dashboard, name: str) -> Client:
    client = Client(dashboard.url)
    assert client.sign_in(name).status == 303
    assert client.csrf
    return client


def test_nothing_of_the_fleet_is_told_to_a_stranger(dashboard: Dashboard) -> None:
    client = Client(dashboard.url)
    for path in ASKED:
        assert client.ask(path).status == 401, path
    browser = client.ask("/alerts?alert=1", Accept="text/html")
    assert (browser.status, browser.headers["Location"]) == (303, "/signin?next=/alerts%3Falert%3D1")
    for token in ("", "vlt_wrong", "x" * 5000):
        assert Client(dashboard.url, token=token or "?").ask("/api/me").status == 401


def test_signing_in_opens_the_pages_and_signing_out_closes_them(dashboard: Dashboard) -> None:
    client = signed_in(dashboard, "viewer")
    (cookie,) = client.cookies
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "Lax"
    assert client.ask("/api/me").json == {"name": "viewer", "role": "viewer"}
    key = cookie.value
    assert client.act("/signout", {}).status == 204
    assert Client(dashboard.url).ask("/api/me", Cookie=f"voltlake_session={key}").status == 401, "the key itself opens nothing any more"


@pytest.mark.parametrize("wanted", ["https://evil.example", "//evil.example", "/\\evil.example", "evil"])
def test_signing_in_leads_nowhere_else(dashboard: Dashboard, wanted: str) -> None:
    page = Client(dashboard.url).ask(f"/signin?next={wanted}").text
    assert 'name="next" value="/"' in page


def test_every_answer_carries_the_headers_and_the_policy_allows_nothing_inline(dashboard: Dashboard) -> None:
    client = signed_in(dashboard, "viewer")
    for path in ("/", "/signin", "/health", "/api/me", "/static/app.js", "/nothing"):
        headers = client.ask(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';"), path
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"


def test_a_forged_request_changes_nothing(dashboard: Dashboard) -> None:
    client = signed_in(dashboard, "operator")
    act = {"action": "ack", "alerts": ["a"], "vehicles": {"a": "V-1"}}
    assert client.act("/api/alerts/acts", act, X_CSRF_Token="").status == 403
    assert client.act("/api/alerts/acts", act, X_CSRF_Token="wrong").status == 403
    assert client.act("/api/alerts/acts", act, Origin="https://evil.example").status == 403
    assert Client(dashboard.url).sign_in("operator", Origin="https://evil.example").status == 403
    socket = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "13", "Sec_WebSocket_Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    assert client.ask("/live", Origin="https://evil.example", **socket).status == 403


def test_a_viewer_may_look_and_not_act_and_only_an_admin_sees_who_did_what(dashboard: Dashboard) -> None:
    act = {"action": "ack", "alerts": ["a"], "vehicles": {"a": "V-1"}}
    refused = signed_in(dashboard, "viewer").act("/api/alerts/acts", act)
    assert (refused.status, refused.json["error"]) == (403, "this needs the role operator; you are viewer")
    assert signed_in(dashboard, "operator").ask("/api/acts").status == 403
    told = signed_in(dashboard, "admin").ask("/api/acts").json
    assert told["broken_at"] is None
    assert told["acts"][0]["act"] == "signed in"


def test_an_act_is_recorded_and_sent_with_who_and_when(dashboard: Dashboard, mock_cluster: MockCluster, store: Store) -> None:
    client = signed_in(dashboard, "operator")
    until(lambda: dashboard.health()["feeds"]["alerts"]["live"], "the alerts to be followed")
    mock_cluster.alert(alert("sent", "ACT-1"))
    admin = signed_in(dashboard, "admin")
    until(lambda: any(one["title"] == "pack overheat" for one in admin.ask("/api/search?q=sent").json["found"]), "the alert")
    sent = client.act("/api/alerts/acts", {"action": "comment", "alerts": ["sent"], "text": " towed "})
    assert (sent.status, sent.json["sent"]) == (202, 1)
    (command,) = [codec.decode_command(value) for value in mock_cluster.commands(1) if b'"sent"' in value]
    assert (command.vehicle_id, command.action, command.by, command.alert_id, command.text) == ("ACT-1", "comment", "operator", "sent", "towed")
    assert command.command_id in sent.json["command_ids"]
    (kept,) = acts.newest(store, subject="sent")
    assert (kept.who, kept.act) == ("operator", "comment")
    assert "towed" in kept.detail


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ({"action": "explode", "alerts": ["a"]}, "malformed"),
        ({"action": "ack", "alerts": []}, "1 to 500"),
        ({"action": "ack", "alerts": ["never-seen"]}, "no alert never-seen"),
        ({"action": "comment", "alerts": ["a"], "vehicles": {"a": "V"}}, "needs words"),
        ({"action": "shelve", "alerts": ["a"], "vehicles": {"a": "V"}, "until_ts": 5}, "31 days"),
        ({"action": "maintenance", "alerts": ["a"], "vehicles": {"a": "V"}}, "no act"),
    ],
)
def test_an_act_that_makes_no_sense_is_one_sentence(dashboard: Dashboard, act: dict, said: str) -> None:
    refused = signed_in(dashboard, "operator").act("/api/alerts/acts", act)
    assert refused.status == 422
    assert said in refused.json["error"]


@pytest.mark.parametrize(
    ("window", "said"),
    [
        ({"name": " "}, "needs a name"),
        ({"name": "a", "until_ts": 5}, "next 30 days"),
        ({"name": "a", "until_ts": now_ms() + 3_600_000, "vehicles": ["a b"]}, "no vehicle's id looks like 'a b'"),
        ({"name": "a", "until_ts": now_ms() + 3_600_000, "regions": ["Nord"]}, "no region's name"),
        ({"name": 5}, "malformed"),
    ],
)
def test_a_window_that_makes_no_sense_is_one_sentence(dashboard: Dashboard, window: dict, said: str) -> None:
    refused = signed_in(dashboard, "operator").act("/api/maintenance", window)
    assert refused.status == 422
    assert said in refused.json["error"]


def test_a_window_is_for_operators_and_on_the_record(dashboard: Dashboard, store: Store) -> None:
    window = {"name": "winter tyres", "until_ts": now_ms() + 3_600_000, "regions": ["eu-north"]}
    assert signed_in(dashboard, "viewer").act("/api/maintenance", window).status == 403
    client = signed_in(dashboard, "operator")
    assert client.act("/api/maintenance", window).status == 202
    until(lambda: [one["name"] for one in client.ask("/api/maintenance").json["windows"]] == ["winter tyres"], "the window")
    assert client.act("/api/maintenance", {"name": "winter tyres"}).status == 202
    until(lambda: client.ask("/api/maintenance").json["windows"] == [], "its end")
    kept = acts.newest(store, subject="winter tyres")
    assert [(one.who, one.act) for one in kept] == [("operator", "end_maintenance"), ("operator", "maintenance")]
    assert "eu-north" in kept[1].detail


def test_too_many_tries_wait_and_the_answer_does_not_tell_who_exists(dashboard: Dashboard) -> None:
    tries = [Client(dashboard.url).sign_in("nobody-such", "wrong password") for _ in range(6)]
    assert [answer.status for answer in tries] == [403] * 5 + [429]
    assert int(tries[-1].headers["Retry-After"]) > 60


def test_a_token_reads_and_needs_no_cookie(dashboard: Dashboard, store: Store) -> None:
    token = tokens.issue(store, "reader", "viewer", 1)
    client = Client(dashboard.url, token=token)
    assert client.ask("/api/me").json == {"name": "token:reader", "role": "viewer"}
    assert client.act("/api/alerts/acts", {"action": "ack", "alerts": ["a"]}).status == 403
    assert Client(dashboard.url).ask(f"/api/me?access_token={token}").status == 401, "in the address only for the live feed"


@pytest.mark.parametrize("query", ["kind=telepathy", "severity=loud", "vehicle=a%20b", "colour=red"])
def test_a_wrong_filter_is_one_sentence(dashboard: Dashboard, query: str) -> None:
    answer = signed_in(dashboard, "viewer").ask(f"/feed/v1/events?{query}")
    assert answer.status == 400
    assert answer.json["error"]


def test_filters_mean_what_they_say() -> None:
    wanted = wish({"vehicle": ["A,B"], "region": ["eu-north"], "severity": ["major"]})
    assert wanted.of_vehicle("A", "eu-north")
    assert not wanted.of_vehicle("A", "eu-west")
    assert not wanted.of_vehicle("C", "eu-north")
    assert wanted.of_alert(alert("1", "A"))
    assert not wanted.of_alert(alert("1", "A", severity="warning"))
    assert not wish({"kind": ["vehicle"]}).of_alert(alert("1", "A"))
