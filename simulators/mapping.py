"""Mapping files: which columns of a recording are which signals, in which unit and with which sign. YAML, one file a kind of recording."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

from contracts.errors import Terminal
from contracts.signals import BY_NAME

SHIPPED = Path(__file__).parent / "mappings"
SCHEMA = SHIPPED / "mapping.schema.json"
"""The published schema of a mapping file, for editors and checkers: what `schema` gives."""


class Time(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The column that holds the time: numbers of seconds or milliseconds, or timestamps."""

    column: str
    unit: Literal["s", "ms", "timestamp"] = "s"


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signal is the sum of some columns, times `factor`, plus `offset`. A current that is positive out of the pack has factor -1.

    `values` turns words into numbers; a raw value of `missing` means that there is none.
    """

    columns: tuple[str, ...]
    factor: float = 1.0
    offset: float = 0.0
    values: dict[str, float] = {}
    missing: tuple[float, ...] = ()


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Numbered columns `PREFIX1` to `PREFIXcount`, times `factor`, plus `offset`; a raw value of `missing` means that there is none."""

    prefix: str
    count: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    factor: float = 1.0
    offset: float = 0.0
    missing: tuple[float, ...] = ()

    @property
    def columns(self) -> list[str]:
        """Their names."""
        return [f"{self.prefix}{number}" for number in range(1, self.count + 1)]


class Cells(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Voltages of all cells (V) and temperatures of all probes (Celsius), a message every so many seconds."""

    cell_v: Row
    probe_c: Row
    every_s: Annotated[float, msgspec.Meta(gt=0)] = 10.0


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of recording. Each value of the column `trip` becomes a vehicle `PREFIX-TRIP`; without that column the file is one trip."""

    name: str
    prefix: str
    model: str
    time: Time
    signals: dict[str, Columns]
    trip: str = ""
    cells: Cells | None = None

    @property
    def needs(self) -> set[str]:
        """The columns that a recording must have."""
        signals = {column for source in self.signals.values() for column in source.columns}
        if self.cells:
            signals |= {*self.cells.cell_v.columns, *self.cells.probe_c.columns}
        return signals | {self.time.column} | ({self.trip} if self.trip else set())


def mapping_file(path: Path) -> Mapping:
    """Read a mapping file. Raises Terminal with what is wrong and where."""
    try:
        mapping = msgspec.convert(yaml.safe_load(path.read_text()), Mapping)
    except OSError as error:
        raise Terminal(f"cannot read the mapping {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Terminal(f"the mapping {path} is no YAML: {' '.join(str(error).split())}") from None
    except msgspec.ValidationError as error:
        raise Terminal(f"the mapping {path} is malformed: {error}") from None
    if unknown := sorted(set(mapping.signals) - set(BY_NAME)):
        raise Terminal(f"the mapping {path} names unknown signals {', '.join(unknown)}; the known ones stand in contracts/signals.py")
    return mapping


def shipped_mappings() -> list[Mapping]:
    """The mappings that come with the simulator."""
    return [mapping_file(path) for path in sorted(SHIPPED.glob("*.yaml"))]


def schema() -> dict[str, Any]:
    """JSON schema of a mapping file, with the known signals."""
    made = msgspec.json.schema(Mapping)
    made["$schema"], made["title"] = "https://json-schema.org/draft/2020-12/schema", "voltlake recording mapping"
    made["$defs"]["Mapping"]["properties"]["signals"]["propertyNames"] = {"enum": sorted(BY_NAME)}
    return made


def schema_text() -> bytes:
    """The schema as it is published."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2) + b"\n"
