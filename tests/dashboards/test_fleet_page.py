"""The fleet page in a real browser. Alerts come from librdkafka's mock cluster; lake, Redis and the page's server are real."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from features.online import OnlineWriter
from features.transforms import live_columns
from tests.dashboards.made import Dashboard, MockCluster, alert, fleet, free_port, publish, redis_server, rows, until
from tests.dashboards.page import GRID, LAYER, Page

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Chrome, dashboard: Dashboard, shown_lake: Path) -> Page:
    """A page that shows 150 vehicles, with a mark that a reload would wipe out."""
    publish(shown_lake, rows(*fleet(150)))
    opened = Page(browser, dashboard.url)
    opened.wait("on_map", 150)
    opened.ask("(window.mark = 'not reloaded')")
    return opened


def test_every_vehicle_is_on_the_map_in_the_table_and_in_the_figures(page: Page) -> None:
    page.wait("in_table", 150)
    page.wait("card", "Vehicles online", "150")
    page.wait("legend", {"alert": 0, "charging": 50, "driving": 50, "parked": 50, "offline": 0})
    page.wait("card", "Charging power", "550 kW")
    page.wait("card", "Driving power", "920 kW")
    page.wait("card", "Mean state of charge", "46.5 %")
    assert page.row("TEST-003")["speed"] == 54.0
    assert "54 km/h" in page.text(".grid")
    assert not page.complaints()


def test_an_alert_appears_and_clears_without_a_reload(page: Page, mock_cluster: MockCluster) -> None:
    page.wait("in_table", 150)
    mock_cluster.alert(alert("first", "TEST-002"))
    until(lambda: page.alerts("first", "second") == ["first raised"], "an alert")
    mock_cluster.alert(alert("second", "TEST-005"))
    until(lambda: page.alerts("first", "second") == ["second raised", "first raised"], "the newest alert on top")
    until(lambda: page.state("TEST-002") == page.state("TEST-005") == "alert", "both vehicles in the state of an alert")
    assert int(page.card("Alerts open")) >= 2
    assert page.legend()["alert"] >= 2
    assert "55.4 °C" in page.text("[data-alert=first]")
    mock_cluster.alert(alert("second", "TEST-005", "cleared", value=49.0))
    until(lambda: page.alerts("first", "second") == ["first raised", "second cleared"], "the open alert above the closed one")
    until(lambda: page.state("TEST-005") == "parked", "the vehicle out of the state of an alert")
    mock_cluster.alert(alert("first", "TEST-002", "cleared"))
    until(lambda: page.state("TEST-002") == "parked", "both vehicles out of it")
    assert page.ask("window.mark") == "not reloaded"


def test_the_page_follows_new_versions_of_gold_without_a_reload(page: Page, shown_lake: Path) -> None:
    publish(shown_lake, rows(*fleet(160, soc_pct=12.5, speed_kmh=101.0, lat=48.1)))
    page.wait("on_map", 160)
    page.wait("in_table", 160)
    until(lambda: (page.row("TEST-000") or {}).get("soc") == 12.5, "the new charge in the table")
    page.wait("card", "Mean state of charge", "12.5 %")
    assert page.ask(f"{LAYER}.rows.get('TEST-000')[1]") == 48.1
    assert page.ask("window.mark") == "not reloaded"


def test_no_request_leaves_the_machine(browser: Chrome, page: Page, dashboard: Dashboard) -> None:
    page.click(".leaflet-control-zoom-in")
    until(lambda: page.ask("[...document.querySelectorAll('.leaflet-tile')].filter((tile) => tile.complete && tile.naturalWidth).length"), "tiles")
    asked = page.requests()
    own = urlsplit(dashboard.url).netloc
    assert any("/tiles/" in url for url in asked)
    assert any(url.startswith("ws:") for url in asked)
    foreign = [url for url in asked if urlsplit(url).scheme not in ("data", "blob", "about", "chrome") and urlsplit(url).netloc != own]
    assert not foreign
    assert "OpenStreetMap" in page.text(".leaflet-control-attribution")


def test_a_chosen_vehicle_shows_the_online_store_and_gold_where_that_is_behind(page: Page, shown_lake: Path, redis_url: str) -> None:
    live = rows({"vehicle_id": "TEST-007", "soc_pct": 77.7, "pack_w": 4_200.0, "cell_v_min": 3.712})
    OnlineWriter(redis_url).write(live_columns(live))
    page.ask("emitEvent('vehicle_chosen', 'TEST-007')")
    until(lambda: "77.7 %" in page.text(".vehicle-panel"), "the live charge")
    shown = page.text(".vehicle-panel")
    assert "TEST-007" in shown
    assert "4.2 kW" in shown
    assert "3.712 V" in shown
    assert "24.5 °C" in shown, "what the online row lacks comes from gold"
    assert "From the online store" in shown
    assert page.ask(f"{GRID}.getSelectedRows().map((row) => row.id)") == ["TEST-007"]
    publish(shown_lake, rows(*fleet(150, soc_pct=66.6)))
    until(lambda: "From gold" in page.text(".vehicle-panel"), "the newer source")
    assert "66.6 %" in page.text(".vehicle-panel")
    page.click("[aria-label='Close the vehicle']")
    until(lambda: not page.driver.find_element(By.CSS_SELECTOR, ".vehicle-panel").is_displayed(), "the panel to close")


def test_the_search_finds_vehicles(page: Page) -> None:
    page.wait("in_table", 150)
    search = page.driver.find_element(By.CSS_SELECTOR, "[aria-label='Search vehicles']")
    search.send_keys("TEST-04")
    page.wait("in_table", 10)
    search.send_keys(" nothing")
    page.wait("in_table", 0)


def test_a_synthetic_position_is_marked(page: Page, shown_lake: Path) -> None:
    publish(shown_lake, rows({**fleet(1)[0], "vehicle_id": "MADE-UP", "position_synthetic": 1.0}))
    page.wait("on_map", 1)
    place = f"{LAYER}._map.latLngToContainerPoint({LAYER}.rows.get('MADE-UP').slice(1, 3))"
    corner = "document.querySelector('.map').getBoundingClientRect()"

    def hover() -> bool:
        x, y = page.ask(f"[{place}.x + {corner}.x, {place}.y + {corner}.y]")
        page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": y})
        return "MADE-UP" in page.text(".fleet-tip")

    until(hover, "the tooltip")
    assert "Synthetic position" in page.text(".fleet-tip")


def test_the_page_says_what_it_waits_for_and_recovers_by_itself(browser: Chrome, tmp_path: Path, mock_cluster: MockCluster) -> None:
    lake, port = tmp_path / "later", free_port()
    dashboard = Dashboard(free_port(), mock_cluster.address, lake, f"redis://127.0.0.1:{port}/0", tmp_path / "log")
    dashboard.start()
    try:
        page = Page(browser, dashboard.url)
        until(lambda: "gold.vehicle_current" in page.text(".map-waiting"), "the reason for an empty map")
        until(lambda: "Online store: waiting" in page.text(".feeds"), "the reason for no online features")
        assert page.card("Vehicles online") == "\N{EN DASH}"
        with redis_server(port):
            publish(lake, rows(*fleet(20)))
            page.wait("on_map", 20)
            until(lambda: page.text(".feeds").split("\n") == ["Gold", "Online store", "Alerts"], "all feeds to be live")
            assert not page.driver.find_element(By.CSS_SELECTOR, ".map-waiting").is_displayed()
    finally:
        dashboard.end()


def test_the_page_recovers_after_its_server_was_killed(browser: Chrome, tmp_path: Path, mock_cluster: MockCluster, redis_url: str) -> None:
    lake = tmp_path / "lake"
    dashboard = Dashboard(free_port(), mock_cluster.address, lake, redis_url, tmp_path / "log")
    publish(lake, rows(*fleet(30)))
    dashboard.start()
    try:
        page = Page(browser, dashboard.url)
        page.wait("on_map", 30)
        dashboard.kill()
        publish(lake, rows(*fleet(35)))
        dashboard.start()
        page.wait("on_map", 35)
        page.wait("in_table", 35)
        until(lambda: dashboard.health()["feeds"]["alerts"]["live"], "the alerts to be followed")
        mock_cluster.alert(alert("after", "KILLED-1"))
        until(lambda: page.alerts("after") == ["after raised"], "an alert after the restart")
    finally:
        dashboard.end()


def test_two_windows_are_told_the_same(page: Page, dashboard: Dashboard, mock_cluster: MockCluster) -> None:
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("window")
    try:
        other = Page(page.driver, dashboard.url)
        other.wait("on_map", 150)
        mock_cluster.alert(alert("both", "ELSEWHERE-1"))
        until(lambda: other.alerts("both"), "the alert in the second window")
    finally:
        page.driver.close()
        page.driver.switch_to.window(first)
    until(lambda: page.alerts("both"), "the alert in the first window")


def test_everything_is_visible_at_1440_by_900_and_every_control_has_a_name(page: Page, mock_cluster: MockCluster) -> None:
    mock_cluster.alert(alert("one", "ELSEWHERE-2"))
    until(lambda: page.alerts("one"), "an alert")
    assert page.ask("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [1440, 900]
    inside = (
        "((box) => box.top >= 0 && box.bottom <= 900 && box.right <= 1440 && box.height > 60)(document.querySelector('%s').getBoundingClientRect())"
    )
    for part in (".numbers", ".map", ".grid", ".alerts"):
        assert page.ask(inside % part), part
    nameless = page.ask(
        "[...document.querySelectorAll('button, input, a[href], select')].filter((control) => control.checkVisibility()"
        " && !(control.ariaLabel || control.labels?.[0]?.innerText || control.title || control.innerText.trim())).map((control) => control.outerHTML)"
    )
    assert nameless == []
