"""Vehicle master data as a file (CSV with a header) that the platform loads: who the vehicles of a run are."""

import csv
import hashlib
import io
from collections.abc import Iterable
from pathlib import Path

from simulators.ledger import replace
from simulators.source import Vehicle

COLUMNS = ("vehicle_id", "vin", "model", "region", "home_lat", "home_lon", "tags")

_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_CODES = "0123456789" + _LETTERS
_VALUES = dict(zip(_CODES, (*range(10), 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def vin(vehicle_id: str) -> str:
    """A made-up vehicle identification number of that vehicle: 17 characters with a right check digit (49 CFR 565.15)."""
    word = int.from_bytes(hashlib.sha256(vehicle_id.encode()).digest()[:8], "big")
    serial = "".join(_CODES[word >> 5 * at & 31] for at in range(12))
    number = f"XVL{serial[:5]}0{serial[5:]}X"
    rest = sum(weight * _VALUES[letter] for weight, letter in zip(_WEIGHTS, number, strict=True)) % 11
    return f"{number[:8]}{'X' if rest == 10 else rest}{number[9:]}"


def write_registry(path: Path, vehicles: Iterable[Vehicle]) -> int:
    """Write the file in one step; how many vehicles it names. Tags are joined by semicolons. Raises Terminal."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for one in vehicles:
        writer.writerow((one.vehicle_id, vin(one.vehicle_id), one.model, one.region, one.home_lat, one.home_lon, ";".join(one.tags)))
        count += 1
    replace(path, text.getvalue().encode())
    return count
