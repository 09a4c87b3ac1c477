r"""Files that people write (YAML) as values of a type. A wrong one is refused with file, line and reason.

class Note(msgspec.Struct): title: str; weight: float = 1.0

parsed("title: a\nweight: heavy", Note, "notes.yaml")
raises Terminal: notes.yaml, line 2: Expected `float`, got `str`
"""

import re
from pathlib import Path
from typing import TypeVar

import msgspec
import yaml

from contracts.errors import Terminal

T = TypeVar("T")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")


class Lines:
    """Where the parts of a document stand, by the path that a complaint names, such as `$.rules[3].severity`."""

    def __init__(self, root: yaml.Node | None) -> None:
        self._root = root

    def line(self, path: str) -> int:
        """The line of a part, or of the innermost part around it that there is."""
        node, line = self._root, 1
        for name, place in _STEP.findall(path.removeprefix("$")):
            found = _child(node, name, place)
            if found is None:
                break
            node, line = found
        return line


def _child(node: yaml.Node | None, name: str, place: str) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode) and name:
        for key, value in node.value:
            if key.value == name:
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and place.isdigit() and int(place) < len(node.value):
        entry = node.value[int(place)]
        return entry, entry.start_mark.line + 1
    return None


def parsed(text: str, wanted: type[T], source: str) -> tuple[T, Lines]:
    """A document as a value, and where its parts stand. Raises Terminal with `source`, line and reason."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise Terminal(f"{source}, line {line}: this is no YAML: {getattr(error, 'problem', None) or error}") from None
    if root is None:
        raise Terminal(f"{source}, line 1: the file is empty")
    lines = Lines(root)
    _refuse_repeats(root, source)
    try:
        return msgspec.convert(content, wanted), lines
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `")
        raise Terminal(f"{source}, line {lines.line(path.rstrip('`'))}: {reason}" + (f" (at {path.rstrip('`')})" if path else "")) from None


def _refuse_repeats(node: yaml.Node, source: str) -> None:
    """YAML takes the last of two fields with one name; a person meant one of them."""
    if isinstance(node, yaml.MappingNode):
        names: set[str] = set()
        for key, value in node.value:
            if key.value in names:
                raise Terminal(f"{source}, line {key.start_mark.line + 1}: the field {key.value!r} stands twice")
            names.add(key.value)
            _refuse_repeats(value, source)
    elif isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            _refuse_repeats(entry, source)


def read(path: Path, wanted: type[T]) -> tuple[T, Lines]:
    """A file as a value. Raises Terminal with file, line and reason."""
    try:
        return parsed(path.read_text(), wanted, str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise Terminal(f"{path} cannot be read: {error}") from None
