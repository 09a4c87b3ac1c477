"""The one shape of every JSON that a command, a validation or a bench writes for machines."""

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

PACKAGES = ("bytewax", "confluent-kafka", "deltalake", "duckdb", "feast", "gmqtt", "mlflow", "numpy", "paho-mqtt", "pyarrow", "redis")


class Figure(msgspec.Struct, frozen=True):
    """One measured number with its unit in words or symbols."""

    value: float | int | None
    unit: str


class Report(msgspec.Struct, frozen=True):
    """What was measured, where, with what, and whether it is what was promised."""

    name: str
    commit: str
    machine: dict[str, str | int | float]
    versions: dict[str, str]
    figures: dict[str, Figure]
    passed: bool


def machine() -> dict[str, str | int | float]:
    """Cores, memory (GiB), processor, Python and operating system of this machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": os.cpu_count() or 1,
        "memory": round(memory, 1),
        "cpu": _processor(),
        "python": platform.python_version(),
        "os": platform.platform(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def commit() -> str:
    """The commit of the checkout that this code runs from; "unknown" outside of one."""
    try:
        asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
        return subprocess.run(asked, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Versions of those packages that are installed."""
    found = {}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def make(name: str, figures: Mapping[str, tuple[float | int | None, str]], passed: bool) -> Report:
    """A report of `{key: (value, unit)}` for this machine and commit."""
    return Report(name, commit(), machine(), versions(), {key: Figure(*pair) for key, pair in figures.items()}, passed)


def write(report: Report, path: Path) -> None:
    """Write it where it was asked for, in one step, so that no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".tmp")
    half.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    half.replace(path)
