"""Mapping files: which columns of a recording are which signals, in which unit and with which sign. YAML, one file a kind of recording."""

from pathlib import Path
from typing import Literal

import msgspec
import yaml

from contracts.errors import Terminal
from contracts.signals import BY_NAME

SHIPPED = Path(__file__).parent / "mappings"


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


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of recording. Each value of the column `trip` becomes a vehicle `PREFIX-TRIP`; without that column the file is one trip."""

    name: str
    prefix: str
    model: str
    time: Time
    signals: dict[str, Columns]
    trip: str = ""

    @property
    def needs(self) -> set[str]:
        """The columns that a recording must have."""
        signals = {column for source in self.signals.values() for column in source.columns}
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
