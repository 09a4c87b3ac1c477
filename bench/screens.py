"""What people see, measured: alerts on a screen by the browser's clock, vehicles on the map, readers of the live feed.

`make bench-alerts` calls `figures()` for what needs a dashboard alone, and `ScreenMeter` while its own load runs on the whole stack.
By itself: `python -m bench.screens` prints the figures of a dashboard alone.
"""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.by import By

from bench.readers import held
from bench.showcase import USER, Showcase, showcase
from contracts.errors import Terminal
from dashboards.accounts import users
from dashboards.accounts.store import Store
from voltlake.stack.plan import Plan

Figures = dict[str, tuple[float | int | None, str]]
FLEETS = (2000, 10_000)
READERS = (200, 1000)
MEASURED_S = 10.0
ALERTS = 100
LEAST_FPS = 29.5
"""Thirty, less what two clocks may differ by over ten seconds."""

_LISTEN = """
window.seen = [];
window.voltlake.live.addEventListener("alerts", ({detail}) => {
  const fresh = detail.alerts.filter((alert) => alert.change === "raised");
  const painted = () => fresh.forEach((alert) => window.seen.push(Date.now() - alert.event_ts));
  if (!detail.all && fresh.length) requestAnimationFrame(() => setTimeout(painted, 0));
});
"""
_FRAMES = """
const [apart, seconds, done] = arguments, {vehicles, map} = document.querySelector("#page").fleetMap;
vehicles.apart = apart;
map.setView([48.86, 2.35], 9, {animate: false});
setTimeout(() => {
  const from = vehicles.frames, began = performance.now();
  let left = true, painted = 0, last = began, worst = 0;
  const pan = setInterval(() => { map.panBy([left ? 40 : -40, 0], {animate: true, duration: 0.4}); left = !left; }, 500);
  const frame = (at) => {
    painted++;
    worst = Math.max(worst, at - last);
    last = at;
    if (at - began < seconds * 1000) return requestAnimationFrame(frame);
    clearInterval(pan);
    const passed = (at - began) / 1000, shown = vehicles.apart ? vehicles.groups.length : vehicles.singles.flat().length / 3;
    done([(vehicles.frames - from) / passed, painted / passed, worst, shown]);
  };
  requestAnimationFrame(frame);
}, 3000);
"""


@contextmanager
def browser(url: str, name: str, password: str) -> Iterator[webdriver.Chrome]:
    """Headless Chromium, signed in, at the fleet page."""
    options = webdriver.ChromeOptions()
    with TemporaryDirectory(prefix="voltlake-browser-") as profile:
        for word in ("headless=new", "no-sandbox", "disable-gpu", "window-size=1440,900", "no-first-run", f"user-data-dir={profile}"):
            options.add_argument(f"--{word}")
        options.binary_location = _program("chromium", "chromium-browser", "google-chrome")
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(_program("chromedriver")))
        try:
            driver.set_script_timeout(120)
            driver.get(f"{url.rstrip('/')}/")
            driver.find_element(By.ID, "name").send_keys(name)
            driver.find_element(By.ID, "password").send_keys(password)
            driver.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
            _until(driver, "return document.querySelector('#page')?.fleetMap ? 1 : 0", 1)
            yield driver
        finally:
            driver.quit()


class ScreenMeter:
    """Watches the page of alerts of a running stack in a browser, from `begin` on. A context manager."""

    def __init__(self, plan: Plan) -> None:
        """`plan`: the stack's. Its accounts get a user for the bench."""
        password, store = users.generated(), Store(plan.layout.accounts)
        users.put(store, USER, password, "viewer")
        store.close()
        self._page = f"{plan.dashboard_url.rstrip('/')}/alerts"
        self._opened = browser(plan.dashboard_url, USER, password)

    def __enter__(self) -> "ScreenMeter":
        self._driver = self._opened.__enter__()
        self._driver.get(self._page)
        return self

    def __exit__(self, *error: Any) -> None:
        self._opened.__exit__(*error)

    def begin(self) -> None:
        """Count alerts from now on."""
        self._driver.execute_script(_LISTEN)

    def figures(self) -> Figures:
        """From the frame that raised an alert (its sensor's clock) to the alert on the screen (the browser's)."""
        seen = sorted(self._driver.execute_script("return window.seen"))
        p95 = seen[min(len(seen) - 1, int(0.95 * len(seen)))] if seen else None
        return {"sensor_to_screen_p95_ms": (p95, f"ms, from the frame to the painted alert, {len(seen)} alerts")}


def figures() -> Figures:
    """What a dashboard alone can show: the map and the live feed."""
    with showcase() as shown:
        found = {**alert_figures(shown), **map_figures(shown)}
    with showcase() as shown:
        return {**found, **feed_figures(shown)}


def alert_figures(shown: Showcase) -> Figures:
    """From an alert that is sent to Kafka to its paint in a browser, ten a second, beside 1,000 vehicles a second."""
    shown.drive(1000, 1.0)
    with browser(shown.url, USER, shown.password) as driver:
        _until(driver, "return voltlake.live.fleet.count", 1000)
        driver.execute_script(_LISTEN)
        for number in range(ALERTS):
            shown.alert(number)
            time.sleep(0.1)
        _until(driver, "return window.seen.length", ALERTS)
        seen = sorted(driver.execute_script("return window.seen"))
    shown.halt()
    return {"alert_to_screen_p95_ms": (seen[int(0.95 * len(seen))], f"ms, from alerts.v1 to the painted alert, {len(seen)} alerts")}


def map_figures(shown: Showcase) -> Figures:
    """The largest fleet tried whose vehicles, each with a frame a second, all stand alone on a map that is panned, at 30 frames/s."""
    best, said = 0, {}
    with browser(shown.url, USER, shown.password) as driver:
        for fleet in FLEETS:
            shown.drive(fleet, 1.0)
            _until(driver, "return voltlake.live.fleet.count", fleet)
            drawn, painted, worst, apart = driver.execute_async_script(_FRAMES, 0, MEASURED_S)
            grouped = driver.execute_async_script(_FRAMES, 11, MEASURED_S)[0]
            print(
                f"{fleet} vehicles: {drawn:.1f} of {painted:.1f} frames/s, {apart:.0f} in view, longest frame {worst:.0f} ms; grouped {grouped:.1f}/s"
            )
            said[f"map_{fleet}_frames_per_s"] = (round(drawn, 1), f"frames/s with {fleet} vehicles each alone")
            if drawn < LEAST_FPS:
                break
            best = fleet
    shown.halt()
    return {"map_vehicles_30fps": (best, "vehicles at 1 Hz, each drawn alone, 30 frames/s while panning, Chromium without a GPU"), **said}


def feed_figures(shown: Showcase) -> Figures:
    """The largest number of readers tried that each got 10 updates a second while the server used at most one core."""
    best, cores = 0, None
    shown.drive(10, 0.1)
    for readers in READERS:
        found = held(shown, readers, MEASURED_S)
        print(f"{readers} readers: slowest tenth {found.slow_rate:.1f}/s, server {found.cores:.2f} cores, skipped {found.skipped}")
        if found.slow_rate < 9.5 or found.cores > 1.0 or found.skipped:
            break
        best, cores = readers, round(found.cores, 2)
    shown.halt()
    return {
        "live_feed_browsers": (best, "WebSocket readers of 10 messages/s each at once, server within one core"),
        "live_feed_server_cores": (cores, f"cores that the server used for {best} readers"),
    }


def _program(*names: str) -> str:
    for name in names:
        if found := shutil.which(name):
            return found
    raise Terminal(f"{names[0]} is not installed; on Debian: apt-get install chromium chromium-driver")


def _until(driver: webdriver.Chrome, script: str, wanted: int) -> None:
    deadline = time.monotonic() + 60
    while driver.execute_script(script) < wanted:
        if time.monotonic() > deadline:
            raise Terminal(f"the page did not come so far: {script}")
        time.sleep(0.2)


if __name__ == "__main__":
    for key, (value, unit) in figures().items():
        print(f"{key}: {value} {unit}")
    sys.exit(0)
