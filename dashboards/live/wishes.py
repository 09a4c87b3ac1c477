"""What a reader of the public live feed wants to be told of. Pure; `docs/live_feed.md` explains it to others."""

from collections.abc import Iterable, Mapping

import msgspec

from contracts.errors import Terminal
from contracts.events import Alert, Score
from contracts.identity import REGION, VEHICLE_ID

KINDS = ("vehicle", "alert", "score")
SEVERITIES = ("info", "warning", "major", "critical")
"""From the least. An alert of a severity that is not among these is always told."""
MOST_NAMES = 500


class Wish(msgspec.Struct, frozen=True):
    """Empty sets mean all. Readers with the same wish are told the same bytes."""

    vehicles: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset(KINDS)
    severity: str = SEVERITIES[0]

    def of_vehicle(self, vehicle_id: str, region: str) -> bool:
        """Whether it is about this vehicle."""
        return (not self.vehicles or vehicle_id in self.vehicles) and (not self.regions or region in self.regions)

    def of_alert(self, alert: Alert) -> bool:
        """Whether it is about this alert."""
        rank = SEVERITIES.index(alert.severity) if alert.severity in SEVERITIES else len(SEVERITIES)
        return "alert" in self.kinds and rank >= SEVERITIES.index(self.severity) and self.of_vehicle(alert.vehicle_id, alert.region)

    def of_score(self, score: Score, region: str) -> bool:
        """Whether it is about this score."""
        return "score" in self.kinds and self.of_vehicle(score.vehicle_id, region)


def wish(query: Mapping[str, Iterable[str]]) -> Wish:
    """From the query's parameters, each repeated or comma-separated. Raises Terminal with what is wrong."""
    given = {name: frozenset(part for value in values for part in value.split(",") if part) for name, values in query.items()}
    if unknown := sorted(given.keys() - {"vehicle", "region", "kind", "severity", "access_token"}):
        raise Terminal(f"there is no filter {', '.join(unknown)}; there are vehicle, region, kind and severity")
    vehicles, regions, kinds = (given.get(name, frozenset()) for name in ("vehicle", "region", "kind"))
    severity = next(iter(given.get("severity", ())), SEVERITIES[0])
    if wrong := [name for name in vehicles if not VEHICLE_ID.fullmatch(name)] or [name for name in regions if not REGION.fullmatch(name)]:
        raise Terminal(f"{wrong[0]!r} cannot be the name of a vehicle or region")
    if kinds - set(KINDS):
        raise Terminal(f"there is no kind {', '.join(sorted(kinds - set(KINDS)))}; there are {', '.join(KINDS)}")
    if severity not in SEVERITIES:
        raise Terminal(f"there is no severity {severity!r}; there are {', '.join(SEVERITIES)}")
    if len(vehicles) > MOST_NAMES:
        raise Terminal(f"{len(vehicles)} vehicles are too many to name; name at most {MOST_NAMES}, or filter by region")
    return Wish(vehicles, regions, kinds or frozenset(KINDS), severity)
