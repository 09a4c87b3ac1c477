"""The offline base map."""

import sqlite3

import pytest

from dashboards.tiles import MAX_ZOOM, Tiles, basemap

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def tiles() -> Tiles:
    return Tiles(basemap())


def test_the_whole_world_is_there_down_to_the_last_zoom(tiles: Tiles) -> None:
    for zoom in range(MAX_ZOOM + 1):
        last = 2**zoom - 1
        for x, y in ((0, 0), (last, last), (last // 2, last // 3)):
            assert (tiles.png(zoom, x, y) or b"").startswith(PNG), (zoom, x, y)


def test_rows_are_counted_from_the_north(tiles: Tiles) -> None:
    with sqlite3.connect(f"file:{basemap()}?mode=ro", uri=True) as database:
        north = database.execute("SELECT tile_data FROM tiles WHERE zoom_level = 6 AND tile_column = 33 AND tile_row = 42").fetchone()[0]
    database.close()
    assert tiles.png(6, 33, 21) == north


@pytest.mark.parametrize("place", [(7, 0, 0), (-1, 0, 0), (6, 64, 0), (6, 0, 64), (6, -1, 0), (10**30, 0, 0), (6, 10**30, 0)])
def test_there_is_no_tile_outside_of_the_map(tiles: Tiles, place: tuple[int, int, int]) -> None:
    assert tiles.png(*place) is None
