"""Maintenance windows, folded from the commands on `alerts.commands.v1`. Pure.

Each command goes to every partition of the topic, so that it is read several times and in any order: of a window's commands the newest counts.
"""

from collections.abc import Iterable, Mapping

import msgspec

from contracts.events import AlertCommand

ACTIONS = ("maintenance", "end_maintenance")


class Window(msgspec.Struct, frozen=True):
    """Alerts of these vehicles, regions and rules (empty = all) are quiet from then to then (epoch ms). `ended`: by hand, before its time."""

    name: str
    by: str
    told_ts: int
    from_ts: int
    until_ts: int
    vehicles: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    ended: bool = False


Windows = Mapping[str, Window]


def fold(windows: Windows, commands: Iterable[AlertCommand]) -> Windows:
    """The windows with more commands. Returns the same object where they change nothing."""
    after = dict(windows)
    for order in commands:
        known = after.get(order.alert_id)
        if order.action in ACTIONS and (known is None or order.ts > known.told_ts):
            after[order.alert_id] = _window(order)
    return windows if after == windows else after


def _window(order: AlertCommand) -> Window:
    ended = order.action == "end_maintenance"
    return Window(order.alert_id, order.by, order.ts, order.from_ts, order.until_ts, order.vehicles, order.regions, order.rules, ended)


def still_to_come(windows: Windows, now_ms: int) -> list[Window]:
    """Those that are open or will be, the one that ends first before the others."""
    return sorted((one for one in windows.values() if not one.ended and one.until_ts > now_ms), key=lambda one: (one.until_ts, one.name))
