"""DC charging: the 10 to 80 % time of named models, each predicted with its own curve left out."""

from typing import NamedTuple

from simulators.physics.dc_curves import Curve, minutes, on_grid, predicted
from simulators.validation.recordings import Rows

NAMED = (
    ("Hyundai", "Ioniq 5", 72.6),
    ("Audi", "e-tron 55", 86.5),
    ("Volkswagen", "ID.3", 58.0),
    ("Hyundai", "Kona", 64.0),
    ("Renault", "Zoe", 52.0),
)
"""Brand, model and usable kWh of the five that the figure is about."""
BROKEN_KW = 5.0
"""A published power below this between 10 and 80 % is a slip of the pen (the Opel Corsa-e 7.2 kW-AC has 2 kW at 73 %)."""


class Charge(NamedTuple):
    """Minutes from 10 to 80 % of one car, as published and as predicted without it."""

    car: str
    published: float
    predicted: float

    @property
    def error_pct(self) -> float:
        """Signed error in percent."""
        return (self.predicted / self.published - 1) * 100


def curves(rows: Rows) -> list[Curve]:
    """The curves of a file, without those with a slip."""
    cars: dict[str, list[dict[str, object]]] = {}
    for row in rows:
        cars.setdefault(str(row["id"]), []).append(row)
    found = []
    for points in cars.values():
        power = on_grid([_number(p["soc_pct"]) for p in points], [_number(p["power_kw"]) for p in points])
        if power[10:81].min() >= BROKEN_KW:
            found.append(Curve(str(points[0]["brand"]), str(points[0]["model"]), _number(points[0]["usable_kwh"]), power))
    return found


def _number(value: object) -> float:
    return float(str(value))


def left_out(car: Curve, others: list[Curve]) -> Charge:
    """The time of one car predicted from the others."""
    guess = predicted(car, others)
    name = f"{car.brand} {car.model} {car.usable_kwh:g} kWh"
    return Charge(name, minutes(car.power_kw, car.usable_kwh), minutes(guess, car.usable_kwh))


def named(known: list[Curve]) -> list[Charge]:
    """The five named cars, as far as the file has them."""
    found = []
    for brand, model, pack in NAMED:
        matches = [car for car in known if car.brand == brand and car.model == model and abs(car.usable_kwh - pack) < 0.1]
        found += [left_out(car, known) for car in matches[:1]]
    return found


def everyone(known: list[Curve]) -> list[Charge]:
    """All cars, each left out in turn; cars with one curve in common count once."""
    seen: set[tuple[str, float, bytes]] = set()
    found = []
    for car in known:
        key = (car.brand, car.usable_kwh, car.power_kw.tobytes())
        if key not in seen:
            seen.add(key)
            found.append(left_out(car, known))
    return found
