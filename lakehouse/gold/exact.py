"""The exact half of a fact: whole-number columns that fold, kept in the table's column `exact`; all others are read off them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lakehouse.gold.frames import How, Ints

TIME = pa.timestamp("us", tz="UTC")
NAMES = ("vehicle_id", "region", "partition")
"""What every row of a fact says beside its measures."""
_NAMES_HOW: dict[str, How] = {"region": "max", "partition": "max"}
Floats = NDArray[np.float64]


def combine(tables: Sequence[pa.Table], keys: list[str], how: Mapping[str, How]) -> pa.Table:
    """Rows of the same keys as one, sorted by key: the fold of a fact whose rows are named by keys."""
    together = pa.concat_tables(tables)
    wanted = {**{name: way for name, way in _NAMES_HOW.items() if name not in keys}, **how}
    made = together.group_by(keys, use_threads=False).aggregate(list(wanted.items()))
    plain = {f"{name}_{way}": name for name, way in wanted.items()}
    made = made.rename_columns([plain.get(name, name) for name in made.column_names])
    return made.select([*keys, *wanted]).sort_by([(key, "ascending") for key in keys])


def packed(exact: pa.Table, names: Sequence[str]) -> pa.StructArray:
    """The measures as one struct column."""
    return pa.StructArray.from_arrays([exact[name].combine_chunks().cast(pa.int64()) for name in names], list(names))


def struct(names: Sequence[str]) -> pa.Field:
    """The field of the column `exact`."""
    return pa.field("exact", pa.struct([(name, pa.int64()) for name in names]))


def unpacked(rows: pa.Table, keys: Sequence[str], names: Sequence[str]) -> pa.Table:
    """A table's rows back as measures."""
    inside = rows["exact"].combine_chunks()
    columns = {key: rows[key] for key in keys} | {name: pc.struct_field(inside, name) for name in names}
    return pa.table(columns)


class Reading:
    """Read whole numbers off exact columns as floats and times; NaN stands for "none"."""

    def __init__(self, exact: pa.Table) -> None:
        self._exact = exact

    def number(self, name: str, per_unit: float = 1.0) -> Floats:
        """A column in its unit: `per_unit` multiples make one."""
        values: Floats = self._exact[name].cast(pa.float64()).to_numpy() / per_unit
        return values

    def span(self, name: str, per_unit: float = 1.0) -> Floats:
        """The greatest less the least of a counter, in its unit."""
        whole = pc.subtract(self._exact[f"{name}_max"], self._exact[f"{name}_min"])
        values: Floats = whole.cast(pa.float64()).to_numpy() / per_unit
        return values

    def mean(self, name: str, per_unit: float = 1.0) -> Floats:
        """The mean of what was summed up."""
        return ratio(self.number(f"{name}_sum"), self.number(f"{name}_n") * per_unit)

    def held(self, name: str) -> tuple[Ints, NDArray[np.bool_]]:
        """A column's whole numbers, 0 where there is none, and where there is one."""
        there = self._exact[name].is_valid().to_numpy()
        return self._exact[name].fill_null(0).to_numpy(), there

    def time(self, name: str) -> pa.Array:
        """Milliseconds since the epoch as a time."""
        return pc.multiply(self._exact[name].combine_chunks(), 1000).cast(TIME)

    def date(self, name: str) -> pa.Array:
        """The UTC day of milliseconds since the epoch."""
        return pc.strftime(self.time(name), format="%Y-%m-%d")


def ratio(above: Floats, below: Floats) -> Floats:
    """A quotient; NaN where there is nothing to divide by."""
    made = np.full(len(above), np.nan)
    np.divide(above, below, out=made, where=np.nan_to_num(below) != 0)
    return made


def floats(values: Floats) -> pa.Array:
    """A column of doubles; null for NaN."""
    return pa.array(values, pa.float64(), from_pandas=True)
