"""The bar at the top: the name, how the feeds do, and the theme."""

from collections.abc import Mapping

from nicegui import ui

from dashboards.board import Status

FEEDS = {"gold": "Gold", "online": "Online store", "alerts": "Alerts"}
THEME_COOKIE = "voltlake_theme"


class Header:
    """A chip a feed: green while it is followed, amber with the reason while it is waited for."""

    def __init__(self, theme: str | None) -> None:
        """`theme`: "dark", "light" or None for the system's."""
        self._dark = ui.dark_mode({"dark": True, "light": False}.get(theme or ""))
        with ui.element("header").classes("bar"):
            ui.icon("bolt").classes("bar-mark").props("aria-hidden=true")
            with ui.element("h1"):
                ui.label("voltlake")
            ui.label("Fleet").classes("bar-page")
            with ui.element("ul").classes("feeds").props('aria-label="Data feeds"'):
                self._chips = {name: _Chip(title) for name, title in FEEDS.items()}
            ui.button(icon="contrast", on_click=self._turn).props('flat round dense aria-label="Switch between dark and light"').tooltip(
                "Dark or light"
            )

    def show(self, statuses: Mapping[str, Status]) -> None:
        """How each feed does."""
        for name, chip in self._chips.items():
            if name in statuses:
                chip.show(statuses[name])

    async def _turn(self) -> None:
        is_dark = bool(await ui.run_javascript("document.body.classList.contains('body--dark')"))
        self._dark.value = not is_dark
        theme = "light" if is_dark else "dark"
        ui.run_javascript(f"document.cookie = '{THEME_COOKIE}={theme}; path=/; max-age=31536000; samesite=strict'")


class _Chip:
    def __init__(self, title: str) -> None:
        self._title = title
        with ui.element("li").classes("feed") as self._item:
            self._label = ui.label(title)
            self._hint = ui.tooltip()

    def show(self, status: Status) -> None:
        self._item.classes(add="is-live" if status.live else "is-waiting", remove="is-waiting" if status.live else "is-live")
        self._label.text = self._title if status.live else f"{self._title}: waiting"
        self._hint.text = status.text
