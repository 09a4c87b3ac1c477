"""Spark's own environment: a venv and jars below the user's cache, made once. Nothing of it is a dependency of the project."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from contracts.errors import Terminal

PACKAGES = ("pyspark==4.2.0", "delta-spark==4.4.0")


class Spark(NamedTuple):
    """How to run it: its Python, and the jars beside those that pyspark ships."""

    python: Path
    jars: Path


def provide(cache: Path) -> Spark:
    """Install what is missing (some 500 MB). Raises Terminal where that does not work."""
    folder = cache / "peers"
    spark = Spark(folder / "venv" / "bin" / "python", folder / "jars")
    try:
        if not (folder / "venv" / ".complete").exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True, capture_output=True)
            subprocess.run([str(spark.python), "-m", "pip", "install", "--quiet", "--no-compile", *PACKAGES], check=True, capture_output=True)
            (folder / "venv" / ".complete").touch()
        if not any(spark.jars.glob("delta-spark*.jar")):
            maven = shutil.which("mvn")
            if maven is None:
                raise Terminal("Maven is missing: install it (Debian: apt-get install maven)")
            pom = Path(__file__).with_name("pom.xml")
            asked = [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={spark.jars}", "-DincludeScope=runtime"]
            subprocess.run(asked, check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or b"").decode(errors="replace").strip().splitlines()
        raise Terminal(f"Spark cannot be installed: {said[-1] if said else error}") from None
    return spark
