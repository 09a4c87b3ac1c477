"""The fleet page in a real browser. Kafka's records come from librdkafka's mock cluster; lake, Redis and the page's server are real."""

from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
from selenium.webdriver import Chrome

from contracts.events import Envelope
from tests.dashboards.made import Dashboard, MockCluster, alert, fleet, free_port, now_ms, publish, redis_server, rows, until
from tests.dashboards.page import Page

pytestmark = pytest.mark.browser
REGION = "map-150"


@pytest.fixture(scope="module")
def own(mock_cluster: MockCluster, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Dashboard:
    """A dashboard whose fleet is that of this file."""
    folder = tmp_path_factory.mktemp("fleet")
    publish(folder / "lake", rows(*fleet(150)))
    running = Dashboard(free_port(), mock_cluster.address, folder / "lake", redis_url, folder / "log")
    running.start()
    yield running
    running.end()


@pytest.fixture
def page(browser: Chrome, own: Dashboard) -> Page:
    """A page that shows 150 vehicles, with a mark that a reload would wipe out."""
    opened = Page(browser, own.url)
    opened.wait("on_map", 150)
    opened.ask("(window.mark = 'not reloaded')")
    return opened


def test_every_vehicle_is_on_the_map_in_the_table_and_in_the_figures(page: Page) -> None:
    page.wait("card", "online", "150")
    page.wait("legend", {"alert": 0, "charging": 50, "driving": 50, "parked": 50, "offline": 0})
    page.wait("card", "charging", "550 kW")
    page.wait("card", "driving", "920 kW")
    page.wait("card", "soc", "46.5 %")
    assert page.value("speed", "TEST-003") == pytest.approx(54.0)
    until(lambda: "54\N{NO-BREAK SPACE}km/h" in page.text(".table-panel table"), "the table")
    page.wait_for(
        "document.querySelector('#page').fleetMap.vehicles.groups.reduce((sum, group) => sum + group.places.length, 0) === 150", "all in groups"
    )
    assert not page.complaints()


def test_an_alert_appears_and_clears_without_a_reload(page: Page, mock_cluster: MockCluster) -> None:
    mock_cluster.alert(alert("first", "TEST-002"))
    until(lambda: page.alerts("first", "second") == ["first raised"], "an alert")
    mock_cluster.alert(alert("second", "TEST-005"))
    until(lambda: page.alerts("first", "second") == ["second raised", "first raised"], "the newest alert on top")
    until(lambda: page.state("TEST-002") == page.state("TEST-005") == "alert", "both vehicles in the state of an alert")
    until(lambda: page.legend()["alert"] >= 2, "the legend")
    mock_cluster.alert(alert("second", "TEST-005", "cleared", value=49.0))
    until(lambda: page.alerts("first", "second") == ["first raised"], "the cleared alert to leave the open ones")
    mock_cluster.alert(alert("first", "TEST-002", "cleared"))
    until(lambda: page.state("TEST-002") == page.state("TEST-005") == "parked", "both vehicles out of it")
    assert page.ask("window.mark") == "not reloaded"


def test_telemetry_moves_a_vehicle_and_what_cannot_be_is_not_shown(page: Page, mock_cluster: MockCluster) -> None:
    ts = now_ms() + 11 * 60_000

    def frame(vehicle: str, ts: int, **signals: float) -> Envelope:
        payload = msgspec.Raw(msgspec.json.encode({"ts": ts, "signals": signals}))
        return Envelope(
            gateway_id="g", region="eu-north", vehicle_id=vehicle, kind="telemetry", boot_id="0a0b0c0d", seq=9, received_at=ts, payload=payload
        )

    impossible = frame("TEST-004", ts, speed_kmh=9000.0, soc_pct=33.0)
    mock_cluster.frames(frame("TEST-003", ts, speed_kmh=77.0, lat=59.5), frame("TEST-003", ts - 5000, speed_kmh=11.0), impossible)
    until(lambda: page.value("speed", "TEST-003") == pytest.approx(77.0), "the new speed")
    until(lambda: page.value("soc", "TEST-004") == pytest.approx(33.0), "the new charge")
    assert page.value("lat", "TEST-003") == pytest.approx(59.5)
    assert page.value("speed", "TEST-004") == pytest.approx(0.0), "a speed of 9000 km/h is unknown, and the last one stays"


def test_no_request_leaves_the_machine(page: Page, own: Dashboard) -> None:
    page.requests()  # those of other tests
    page.driver.refresh()
    page.wait_for("document.querySelector('#page').fleetMap.world.cities && document.querySelector('#page').fleetMap.world.low", "the base map")
    asked = page.requests()
    host = urlsplit(own.url).netloc
    assert any("/static/map/" in url for url in asked)
    assert any(url.startswith("ws:") for url in asked)
    foreign = [url for url in asked if urlsplit(url).scheme not in ("data", "blob", "about", "chrome") and urlsplit(url).netloc != host]
    assert not foreign
    assert "Natural Earth" in page.text(".leaflet-control-attribution")


def test_filters_and_the_chosen_vehicle_stand_in_the_address(page: Page) -> None:
    page.driver.get(f"{page.url}/?state=charging&vehicle=TEST-001")
    until(lambda: "TEST-001" in page.text(".peek"), "the chosen vehicle")
    assert "11.0\N{NO-BREAK SPACE}kW" in page.text(".peek")
    shown = "[...document.querySelectorAll('.table-panel tbody .state')].map((cell) => cell.innerText)"
    until(lambda: set(page.ask(shown) or ["none"]) == {"Charging"}, "only those that charge")
    page.driver.find_element("css selector", "[aria-label='Filter vehicles by id']").send_keys("TEST-04")
    until(lambda: "q=TEST-04" in page.driver.current_url, "the address")
    page.click("[aria-label=Close]")
    until(lambda: "vehicle=" not in page.driver.current_url, "nobody chosen")


def test_the_page_says_what_it_waits_for_and_recovers_by_itself(browser: Chrome, tmp_path: Path, mock_cluster: MockCluster) -> None:
    lake, port = tmp_path / "later", free_port()
    dashboard = Dashboard(free_port(), mock_cluster.address, lake, f"redis://127.0.0.1:{port}/0", tmp_path / "log")
    dashboard.start()
    try:
        page = Page(browser, dashboard.url)
        until(lambda: "gold.vehicle_current" in page.text(".map-waiting"), "the reason for an empty map")
        until(lambda: "Redis" in str(page.ask("document.querySelector('.connection').title")), "the reason for no online features")
        assert page.card("online") == "0"
        with redis_server(port):
            publish(lake, rows(*fleet(20)))
            page.wait("on_map", 20)
            until(lambda: page.text(".connection") == "Live", "all feeds to be live")
    finally:
        dashboard.end()


def test_the_page_recovers_after_its_server_was_killed_and_one_stays_signed_in(
    browser: Chrome, tmp_path: Path, mock_cluster: MockCluster, redis_url: str
) -> None:
    lake = tmp_path / "lake"
    dashboard = Dashboard(free_port(), mock_cluster.address, lake, redis_url, tmp_path / "log")
    publish(lake, rows(*fleet(30)))
    dashboard.start()
    try:
        page = Page(browser, dashboard.url)
        page.wait("on_map", 30)
        page.ask("(window.mark = 'not reloaded')")
        dashboard.kill()
        until(lambda: page.text(".connection") == "Reconnecting", "the page to notice")
        publish(lake, rows(*fleet(35)))
        dashboard.start()
        page.wait("on_map", 35)
        until(lambda: dashboard.health()["feeds"]["alerts"]["live"], "the alerts to be followed")
        mock_cluster.alert(alert("after", "KILLED-1"))
        until(lambda: page.alerts("after") == ["after raised"], "an alert after the restart")
        assert page.ask("window.mark") == "not reloaded"
    finally:
        dashboard.end()
