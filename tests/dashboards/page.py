"""The fleet page as a test sees it: through the browser only."""

import json
from typing import Any

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.dashboards.made import until

LAYER = "Object.values(getElement(document.querySelector('.map').id.slice(1)).map._layers).find((layer) => layer.rows)"
GRID = "getElement(document.querySelector('.grid').id.slice(1)).api"


class Page:
    """An open fleet page."""

    def __init__(self, driver: Chrome, url: str) -> None:
        self.driver = driver
        driver.get(url)

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression, or None where the page is not that far yet."""
        return self.driver.execute_script(f"try {{ return {expression} }} catch {{ return null }}")

    def text(self, selector: str) -> str:
        return str(self.ask(f"document.querySelector({json.dumps(selector)}).innerText") or "")

    def card(self, title: str) -> str:
        """The number and unit of a live figure."""
        found = f"[...document.querySelectorAll('.card')].find((card) => card.innerText.startsWith({json.dumps(title)}))"
        return " ".join(str(self.ask(f"{found}.querySelector('.card-value').innerText") or "").split())

    def on_map(self) -> int:
        return int(self.ask(f"{LAYER}.rows.size") or 0)

    def in_table(self) -> int:
        return int(self.ask(f"{GRID}.getDisplayedRowCount()") or 0)

    def row(self, vehicle: str) -> dict[str, Any] | None:
        return self.ask(f"{GRID}.getRowNode({json.dumps(vehicle)}).data")

    def legend(self) -> dict[str, int]:
        words = self.ask("[...document.querySelectorAll('.legend li')].map((item) => item.innerText.split(/\\s+/))") or []
        return {state: int(number) for number, state in words}

    def alerts(self, *names: str) -> list[str]:
        """Those of the named alerts that are listed, with their state, in the order of the list."""
        listed = self.ask("[...document.querySelectorAll('[data-alert]')].map((item) => [item.dataset.alert, item.dataset.state])") or []
        return [f"{name} {state}" for name, state in listed if name in names]

    def state(self, vehicle: str) -> str | None:
        """What the map and the table call a vehicle's state; None while they differ."""
        on_map, in_table = self.ask(f"{LAYER}.rows.get({json.dumps(vehicle)})[3]"), (self.row(vehicle) or {}).get("state")
        return on_map if on_map == in_table else None

    def wait(self, check: str, *wanted: Any) -> None:
        """Until a method of this page says what is wanted: `page.wait("on_map", 150)`."""
        *arguments, value = wanted
        until(lambda: getattr(self, check)(*arguments) == value, f"{check}{tuple(arguments)} to be {value!r}")

    def click(self, selector: str) -> None:
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def requests(self) -> list[str]:
        """Every address that the browser asked for since the log was read last, by any tab."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = [message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"]
        return asked + [message["params"]["url"] for message in messages if message["method"] == "Network.webSocketCreated"]

    def complaints(self) -> list[str]:
        """What the page wrote to the console as an error."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
