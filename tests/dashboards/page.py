"""The pages as a test sees them: through the browser only."""

import json
from typing import Any

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.dashboards.made import PASSWORD, until


class Page:
    """An open page, signed in."""

    def __init__(self, driver: Chrome, url: str, path: str = "/", role: str = "operator") -> None:
        self.driver = driver
        self.url = url
        driver.get(url + path)
        if "/signin" in driver.current_url:
            self.sign_in(role, PASSWORD)
        until(lambda: self.ask("document.querySelector('#page').className"), "a page")

    def sign_in(self, name: str, password: str) -> None:
        for field, text in (("name", name), ("password", password)):
            found = self.driver.find_element(By.ID, field)
            found.clear()
            found.send_keys(text)
        self.click("button[type=submit]")

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression, or None where the page is not that far yet."""
        return self.driver.execute_script(f"try {{ return {expression} }} catch {{ return null }}")

    def wait_for(self, expression: str, what: str) -> Any:
        """The value of a JavaScript expression as soon as it is true."""
        return until(lambda: self.ask(expression), what)

    def text(self, selector: str) -> str:
        return str(self.ask(f"document.querySelector({json.dumps(selector)}).innerText") or "")

    def card(self, name: str) -> str:
        """The number and unit of a live figure."""
        parts = self.ask(f"[...document.querySelectorAll('[data-card={name}] .card-value span')].map((part) => part.innerText)") or []
        return " ".join(part for part in parts if part)

    def on_map(self) -> int:
        return int(self.ask("[...voltlake.live.fleet.x].slice(0, voltlake.live.fleet.count).filter((x) => !isNaN(x)).length") or 0)

    def legend(self) -> dict[str, int]:
        words = self.ask(
            "[...document.querySelectorAll('.legend li')].map((item) => [item.dataset.state, Number(item.querySelector('b').innerText)])"
        )
        return dict(words or [])

    def alerts(self, *names: str) -> list[str]:
        """Those of the named alerts that are listed, with their state, in the order of the list."""
        listed = self.ask("[...document.querySelectorAll('[data-alert]')].map((item) => [item.dataset.alert, item.dataset.state])") or []
        return [f"{name} {state}" for name, state in listed if name in names]

    def state(self, vehicle: str) -> str | None:
        """What the page knows of a vehicle's state."""
        place = f"voltlake.live.fleet.place.get({json.dumps(vehicle)})"
        return self.ask(f"['alert', 'charging', 'driving', 'parked', 'offline'][voltlake.live.fleet.state[{place}]]")

    def value(self, name: str, vehicle: str) -> float | None:
        """A value of a vehicle as the page's store has it."""
        return self.ask(f"voltlake.live.fleet.{name}[voltlake.live.fleet.place.get({json.dumps(vehicle)})]")

    def wait(self, check: str, *wanted: Any) -> None:
        """Until a method of this page says what is wanted: `page.wait("on_map", 150)`."""
        *arguments, value = wanted
        until(
            lambda: getattr(self, check)(*arguments) == value, f"{check}{tuple(arguments)} to be {value!r}, not {getattr(self, check)(*arguments)!r}"
        )

    def click(self, selector: str) -> None:
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def requests(self) -> list[str]:
        """Every address that the browser asked for since the log was read last, by any tab."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = [message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"]
        return asked + [message["params"]["url"] for message in messages if message["method"] == "Network.webSocketCreated"]

    def complaints(self) -> list[str]:
        """What pages of this server wrote to the console as an error."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE" and self.url in entry["message"]]
