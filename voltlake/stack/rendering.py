"""Configuration files from `deploy/`, filled in for this machine."""

import string
from pathlib import Path

from contracts.errors import Terminal


def render(template: Path, target: Path, values: dict[str, object]) -> Path:
    """Write `template` with each `${name}` replaced to `target`. Raises Terminal where a name has no value."""
    try:
        text = string.Template(template.read_text()).substitute(values)
    except KeyError as missing:
        raise Terminal(f"{template} asks for ${{{missing.args[0]}}}, which voltlake does not know") from None
    except ValueError as error:
        raise Terminal(f"{template} has a '$' that is no ${{name}}: {error}") from None
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    return target
