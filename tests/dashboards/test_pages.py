"""Every page in a real browser, over a lake of gold: what it shows, that it is accessible, and that acts on alerts are seen by others."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from contracts import codec
from contracts.events import Act, Cells, Envelope, Score
from contracts.topics import PARTITIONS
from features.online import OnlineWriter
from features.transforms import live_columns
from tests.dashboards import gold
from tests.dashboards.made import Dashboard, MockCluster, alert, chromium, fleet, free_port, now_ms, open_browser, publish, rows, until
from tests.dashboards.page import Page

pytestmark = pytest.mark.browser
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
RUN_AXE = "const [done] = arguments; axe.run().then((found) => done(found.violations), (error) => done(String(error)))"
PAGES = {
    "/": "150",
    "/alerts": "Alerts",
    f"/vehicles/{gold.VEHICLES[0]}": "Charging sessions",
    "/battery": "Median health",
    "/charging": "Median session",
    "/energy": "Consumption",
    "/pipeline": "Quarantine",
    "/acts": "The record is whole",
}


@pytest.fixture(scope="module")
def own(mock_cluster: MockCluster, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard over a lake of gold."""
    folder = tmp_path_factory.mktemp("pages")
    gold.make(folder / "lake")
    publish(folder / "lake", rows(*fleet(8, prefix="GOLD", soh_pct=97.2, pack_v=382.0)))
    running = Dashboard(free_port(), mock_cluster.address, folder / "lake", redis_url, folder / "log")
    running.start()
    until(lambda: all(running.health()["feeds"][name]["live"] for name in ("alerts", "telemetry")), "the feeds")
    yield running
    running.end()


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Another browser, with a profile of its own."""
    found = chromium()
    assert found is not None
    driver = open_browser(found, tmp_path_factory.mktemp("second"))
    yield driver
    driver.quit()


def opened(browser: Chrome, own: Dashboard, path: str, role: str = "admin") -> Page:
    return Page(browser, own.url, path, role)


@pytest.mark.parametrize("path", list(PAGES))
def test_a_page_shows_its_content_is_accessible_and_fits_a_phone(browser: Chrome, own: Dashboard, path: str) -> None:
    page = opened(browser, own, path)
    said = PAGES[path] if path != "/" else "Vehicles online"
    until(lambda: said in page.text("main"), said)
    until(lambda: "Loading" not in page.text("main"), "everything to be there")
    for theme in ("light", "dark"):
        page.ask(f"(document.documentElement.dataset.theme = '{theme}')")
        page.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE})
        found = page.driver.execute_async_script(RUN_AXE)
        assert isinstance(found, list), found
        serious = [
            f"{one['id']}: {node['html'][:160]} {node['any'][0]['message'] if node['any'] else ''}"
            for one in found
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]
        assert serious == [], theme
    narrow = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
    try:
        until(lambda: page.ask("innerWidth") == 390, "the narrow screen")
        assert page.ask("document.documentElement.scrollWidth") == 390
    finally:
        page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {**narrow, "width": 1440, "height": 900})
    assert not page.complaints()


def test_a_day_of_a_vehicle_is_charted_and_the_server_says_how_long_it_took(browser: Chrome, own: Dashboard) -> None:
    page = opened(browser, own, f"/vehicles/{gold.VEHICLES[0]}?signals=soc_pct,speed_kmh")
    page.wait_for("document.querySelectorAll('[data-signal] canvas').length === 2", "two charts")
    asked = "voltlake_answer"
    kept = f"async (one) => window.{asked} = [one.headers.get('Server-Timing'), await one.json()]"
    page.driver.execute_script(f"fetch('/api/vehicles/{gold.VEHICLES[0]}/history?signals=soc_pct').then({kept})")
    timing, found = page.wait_for(f"window.{asked}", "the answer")
    print(f"a day of {gold.VEHICLES[0]}: Server-Timing {timing}")
    means = [value for value in found["series"]["soc_pct"]["mean"] if value is not None]
    assert len(means) >= 1400
    assert 29 < min(means) < 31, "the older revision, with a sum of 0, is not the truth"
    assert found["units"] == {"soc_pct": "percent"}
    assert "total;dur=" in timing


def test_a_vehicle_page_is_live_with_features_cells_and_scores(browser: Chrome, own: Dashboard, mock_cluster: MockCluster, redis_url: str) -> None:
    name = gold.VEHICLES[1]
    cells = msgspec.json.encode(Cells(now_ms(), [3.70, 3.71, 3.62, 3.70], [24.0, 25.5]))
    envelope = Envelope(
        gateway_id="g", region="eu-north", vehicle_id=name, kind="cells", boot_id="0a0b0c0d", seq=1, received_at=now_ms(), payload=msgspec.Raw(cells)
    )
    mock_cluster.send(codec.encode(envelope), name, "edge.vehicle.cells.v1")
    score = Score(model="energy_v1", version="7", vehicle_id=name, event_ts=now_ms(), value=163.4, unit="Wh/km")
    mock_cluster.send(codec.encode(score), name, "model.scores.v1")
    OnlineWriter(redis_url).write(live_columns(rows({"vehicle_id": name, "soc_pct": 77.7, "pack_w": 4_200.0})))
    page = opened(browser, own, f"/vehicles/{name}")
    until(lambda: "77.7" in page.text("[data-gauge=soc_pct]"), "the live charge")
    assert "4.2\N{NO-BREAK SPACE}kW" in page.text(".features")
    assert "online store" in page.text(".head")
    page.driver.refresh()
    until(lambda: "3.620\N{NO-BREAK SPACE}V (cell 3)" in page.text(".cells"), "the lowest cell")
    assert page.ask("document.querySelectorAll('.cell').length") == 4
    until(lambda: "163.40\N{NO-BREAK SPACE}Wh/km" in page.text(".scores"), "the score")
    assert "v7" in page.text(".scores")


def test_an_alert_acknowledged_in_one_browser_is_seen_in_another(browser: Chrome, second: Chrome, own: Dashboard, mock_cluster: MockCluster) -> None:
    mine, theirs = opened(browser, own, "/alerts", "operator"), opened(second, own, "/alerts", "viewer")
    raised = alert("both", gold.VEHICLES[2])
    mock_cluster.alert(raised)
    for page in (mine, theirs):
        until(lambda page=page: "Raised" in page.text("tr[data-id=both]"), "the alert without a reload")
    theirs.click("tr[data-id=both] td:nth-child(5)")
    until(lambda: "Nobody has acted" in theirs.text(".detail"), "the alert's detail")
    assert not theirs.driver.find_elements(By.CSS_SELECTOR, "[data-action=ack]"), "a viewer is offered no act"
    assert "alert=both" in theirs.driver.current_url
    mine.driver.get(f"{own.url}/alerts?alert=both")
    mine.wait_for("document.querySelector('[data-action=ack]')", "the button")
    mine.click("[data-action=ack]")
    (command,) = [one for one in map(codec.decode_command, mock_cluster.commands(1)) if one.alert_id == "both"]
    assert (command.action, command.by) == ("ack", "admin")
    act = Act(by=command.by, ts=command.ts, action="ack")
    mock_cluster.alert(msgspec.structs.replace(raised, state="acknowledged", revision=1, acknowledged_by=command.by, acts=(act,)))
    for page in (mine, theirs):
        until(lambda page=page: "Acknowledged" in page.text("tr[data-id=both]"), "the new state without a reload")
    until(lambda: "admin ack" in theirs.text(".detail .acts"), "who did it")


def test_past_alerts_come_from_gold_and_many_are_acted_on_at_once(browser: Chrome, own: Dashboard, mock_cluster: MockCluster) -> None:
    for number in range(3):
        mock_cluster.alert(alert(f"bulk-{number}", gold.VEHICLES[3], rule="bulk_rule"))
    page = opened(browser, own, "/alerts?show=all&alert=0123456789abcdef")
    until(lambda: "balanced at the depot" in page.text(".detail"), "what was said of a past alert")
    page.driver.get(f"{own.url}/alerts?q=bulk")
    page.wait_for("document.querySelectorAll('tr[data-id^=bulk-]').length === 3", "three alerts")
    page.click("thead input[type=checkbox]")
    page.driver.find_element(By.XPATH, "//*[@class='bulk']//button[text()='Comment']").click()
    page.driver.find_element(By.CSS_SELECTOR, "dialog textarea").send_keys("seen by all")
    page.click("dialog .primary")
    sent = [one for one in map(codec.decode_command, mock_cluster.commands(3)) if one.alert_id.startswith("bulk-")]
    assert {(one.action, one.text) for one in sent} == {("comment", "seen by all")}
    assert len(sent) == 3
    until(lambda: "3 alerts: sent" in page.text("#notices"), "the notice")


def test_a_maintenance_window_is_opened_seen_by_others_and_ended(browser: Chrome, second: Chrome, own: Dashboard, mock_cluster: MockCluster) -> None:
    mine, theirs = opened(browser, own, "/alerts", "operator"), opened(second, own, "/alerts", "viewer")
    assert not theirs.driver.find_elements(By.CSS_SELECTOR, "[data-action=maintenance]"), "a viewer is offered no act"
    mine.click("[data-action=maintenance]")
    mine.driver.find_element(By.NAME, "vehicles").send_keys(f"{gold.VEHICLES[0].lower()}, {gold.VEHICLES[1]}")
    name = mine.driver.find_element(By.NAME, "window")
    name.clear()
    name.send_keys("tyres")
    mine.click("dialog .primary")
    for page in (mine, theirs):
        until(lambda page=page: f"{gold.VEHICLES[0]}, {gold.VEHICLES[1]}" in page.text("[data-window=tyres]"), "the window")
    assert not theirs.driver.find_elements(By.CSS_SELECTOR, "[data-window=tyres] button")
    mine.click("[data-window=tyres] button")
    for page in (mine, theirs):
        until(lambda page=page: not page.driver.find_elements(By.CSS_SELECTOR, "[data-window=tyres]"), "its end")
    sent = [one for one in map(codec.decode_command, mock_cluster.commands(2 * PARTITIONS)) if one.alert_id == "tyres"]
    assert [one.action for one in sent].count("maintenance") == [one.action for one in sent].count("end_maintenance") == PARTITIONS, "once to each"
    assert {one.vehicle_id for one in sent} == {"*"}
    assert len({one.command_id for one in sent}) == 2
    opening = next(one for one in sent if one.action == "maintenance")
    assert opening.until_ts - opening.from_ts == pytest.approx(3_600_000, abs=30_000)


def test_search_leads_to_a_vehicle_by_keyboard_alone(browser: Chrome, own: Dashboard) -> None:
    page = opened(browser, own, "/battery")
    until(lambda: "Median health" in page.text("main"), "the page")
    page.driver.find_element(By.TAG_NAME, "body").send_keys("/")
    box = page.driver.switch_to.active_element
    assert box.get_attribute("role") == "combobox"
    box.send_keys("gold-00")
    page.wait_for("document.querySelectorAll('.found a').length >= 8", "what was found")
    box.send_keys("\ue015\ue015\ue007")  # down, down, enter
    until(lambda: page.driver.current_url.endswith("/vehicles/GOLD-001"), "the vehicle")


def test_a_table_is_downloaded_as_csv_and_a_history_too(browser: Chrome, own: Dashboard) -> None:
    page = opened(browser, own, "/energy")
    until(lambda: "van" in page.text("main"), "the models")
    page.driver.execute_script("URL.createObjectURL = (blob) => (blob.text().then((text) => (window.csv = text)), '#')")
    page.driver.find_element(By.XPATH, "//section[@aria-label='By model']//button[contains(., 'CSV')]").click()
    text = page.wait_for("window.csv", "the file")
    assert text.splitlines()[0].removeprefix("\ufeff") == "Model,Vehicles,Distance (km),Consumption (Wh/km),Recovered (%)"
    assert len(text.splitlines()) == 4
    name = json.dumps(f"/api/vehicles/{gold.VEHICLES[0]}/history?signals=soc_pct&format=csv")
    page.driver.execute_script(f"fetch({name}).then(async (one) => window.history_csv = await one.text())")
    lines = page.wait_for("window.history_csv", "the history").splitlines()
    assert lines[0] == "time_ms,soc_pct_mean_percent,soc_pct_min_percent,soc_pct_max_percent"
    assert len(lines) > 1400
