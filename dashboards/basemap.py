"""`python -m dashboards.basemap COUNTRIES.json CITIES.json OUT`: makes the offline base map anew. Run by hand; `static/map/README.md` says from what.

A map file: the length of a JSON header (uint32, little-endian), the header, then the arcs' points: zigzag varints of steps in 1e-4 degrees
(longitude, latitude), each arc from where the last one ended. Header: `points` of each arc, `land` (rings of arcs; ~n is arc n backwards), `borders`.
"""

import json
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

UNITS = 10_000
Point = tuple[float, float]
LEVELS = {"world-low.bin": (0.05, 0.6), "world.bin": (0.006, 0.0)}
"""File: the error in degrees that simplifying may make, and the least size in degrees of a ring."""


def absolute(topology: dict[str, Any]) -> list[list[Point]]:
    """The arcs of a quantised TopoJSON in degrees."""
    (scale_x, scale_y), (shift_x, shift_y) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for step in arc:
            x, y = x + step[0], y + step[1]
            points.append((x * scale_x + shift_x, y * scale_y + shift_y))
        arcs.append(points)
    return arcs


def simplified(points: list[Point], error: float) -> list[Point]:
    """Douglas and Peucker, without recursion."""
    keep, stack = {0, len(points) - 1}, [(0, len(points) - 1)]
    while stack:
        first, last = stack.pop()
        (x0, y0), (x1, y1) = points[first], points[last]
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        worst, at = error, 0
        for index in range(first + 1, last):
            x, y = points[index]
            away = abs((x1 - x0) * (y0 - y) - (x0 - x) * (y1 - y0)) / length if length else ((x - x0) ** 2 + (y - y0) ** 2) ** 0.5
            if away > worst:
                worst, at = away, index
        if at:
            keep.add(at)
            stack += [(first, at), (at, last)]
    return [points[index] for index in sorted(keep)]


def rings(geometry: dict[str, Any]) -> Iterator[list[int]]:
    """All rings of a geometry, as arcs."""
    if geometry["type"] == "GeometryCollection":
        for part in geometry["geometries"]:
            yield from rings(part)
    elif geometry["type"] == "Polygon":
        yield from geometry["arcs"]
    elif geometry["type"] == "MultiPolygon":
        for polygon in geometry["arcs"]:
            yield from polygon


def packed(topology: dict[str, Any], error: float, least: float) -> bytes:
    """One map file."""
    arcs = [simplified(points, error) for points in absolute(topology)]
    users = Counter(abs_(arc) for country in topology["objects"]["countries"]["geometries"] for ring in rings(country) for arc in ring)
    land = [ring for ring in rings(topology["objects"]["land"]) if _size(ring, arcs) >= least]
    borders = [arc for arc, number in users.items() if number > 1]
    used = sorted({abs_(arc) for ring in land for arc in ring} | set(borders))
    place = {arc: index for index, arc in enumerate(used)}
    header = {
        "points": [len(arcs[arc]) for arc in used],
        "land": [[place[arc] if arc >= 0 else ~place[~arc] for arc in ring] for ring in land],
        "borders": sorted(place[arc] for arc in borders),
    }
    body, x, y = bytearray(), 0, 0
    for arc in used:
        for lon, lat in arcs[arc]:
            new_x, new_y = round(lon * UNITS), round(lat * UNITS)
            body += varint(new_x - x) + varint(new_y - y)
            x, y = new_x, new_y
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<I", len(text)) + text + bytes(body)


def abs_(arc: int) -> int:
    """The arc itself, whichever way it is gone along."""
    return arc if arc >= 0 else ~arc


def varint(number: int) -> bytes:
    """A signed number in as few bytes as it needs."""
    rest = number << 1 if number >= 0 else (-number << 1) - 1
    out = bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def _size(ring: list[int], arcs: list[list[Point]]) -> float:
    points = [point for arc in ring for point in arcs[abs_(arc)]]
    return max(max(x for x, _ in points) - min(x for x, _ in points), max(y for _, y in points) - min(y for _, y in points))


def main(countries: Path, cities: Path, out: Path) -> None:
    """Write the map files and the cities of at least 50,000 people, largest first: `[name, longitude, latitude, thousands of people]`."""
    topology = json.loads(countries.read_text())
    for name, (error, least) in LEVELS.items():
        (out / name).write_bytes(packed(topology, error, least))
    large = sorted((city for city in json.loads(cities.read_text()) if city[3] >= 50_000 and city[4] != "PPLX"), key=lambda city: -city[3])
    rows = [[name, round(lon, 3), round(lat, 3), round(people / 1000)] for name, lon, lat, people, _ in large]
    (out / "cities.json").write_text(json.dumps(rows, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
