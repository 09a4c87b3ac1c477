"""How every process is configured: one frozen struct, read from the environment once."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from contracts.errors import Terminal

S = TypeVar("S", bound=msgspec.Struct)


class Secret(msgspec.Struct, frozen=True):
    """A value that prints as stars; `reveal()` where it is used."""

    hidden: str

    def __repr__(self) -> str:
        return "***"

    def reveal(self) -> str:
        """The secret itself: for the client that needs it, never for a log."""
        return self.hidden


def load(cls: type[S], environ: Mapping[str, str], prefix: str) -> S:
    """Read `PREFIX_FIELD` variables into `cls`. Raises Terminal naming the variable that is missing, malformed or unknown."""
    given = {name.removeprefix(prefix).lower(): value for name, value in environ.items() if name.startswith(prefix)}
    fields = {field.name: field for field in msgspec.structs.fields(cls)}
    unknown = sorted(prefix + name.upper() for name in given.keys() - fields.keys())
    if unknown:
        known = ", ".join(sorted(prefix + name.upper() for name in fields))
        raise Terminal(f"unknown setting {', '.join(unknown)}; known are {known}")
    values: dict[str, object] = {}
    for name, text in given.items():
        wanted = fields[name].type
        try:
            values[name] = Secret(text) if wanted is Secret else msgspec.convert(_split(text, wanted), wanted, strict=False, dec_hook=_hook)
        except msgspec.ValidationError as error:
            raise Terminal(f"setting {prefix}{name.upper()} is malformed: {error}") from None
    missing = sorted(prefix + field.name.upper() for field in fields.values() if field.required and field.name not in values)
    if missing:
        raise Terminal(f"setting {', '.join(missing)} is missing")
    return cls(**values)


def _hook(wanted: type, text: object) -> object:
    """The types that msgspec does not know: paths."""
    if wanted is Path:
        return Path(str(text))
    raise NotImplementedError(f"settings of type {wanted}")


def _split(text: str, wanted: object) -> object:
    """Comma-separated text where a tuple is wanted."""
    if getattr(wanted, "__origin__", None) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text
