"""The Java parts are pinned: what is not what the lock says is refused and removed."""

import hashlib
from pathlib import Path

import pytest

from contracts.errors import Terminal
from voltlake.settings import DEPLOY
from voltlake.stack import jars
from voltlake.stack.jars import Jar

CONTENT = b"PK the content of a jar"
GOOD = Jar("org.example", "part", "1.0", hashlib.sha256(CONTENT).hexdigest())


def test_the_lock_names_a_whole_kafka_of_one_version() -> None:
    locked = jars.read_lock(DEPLOY / "kafka" / "jars.lock")
    versions = {jar.artifact: jar.version for jar in locked}
    assert len(versions) == len(locked) > 80
    assert len({version for name, version in versions.items() if name.startswith(("kafka", "connect"))}) == 1
    assert versions["kafka_2.13"].startswith("4.")
    assert {"connect-mirror", "connect-runtime", "slf4j-simple"} <= versions.keys()
    assert all(len(jar.sha256) == 64 for jar in locked)


def test_a_corrupted_jar_is_refused_and_removed(tmp_path: Path) -> None:
    path = tmp_path / GOOD.filename
    path.write_bytes(CONTENT + b"!")
    with pytest.raises(Terminal, match=r"part-1.0.jar has SHA-256 .* where deploy/kafka/jars.lock says"):
        jars.provide([GOOD], tmp_path, lambda done, total: None)
    assert not path.exists()


def test_what_is_there_and_right_is_not_fetched_again(tmp_path: Path) -> None:
    (tmp_path / GOOD.filename).write_bytes(CONTENT)
    heard: list[int] = []
    jars.provide([GOOD], tmp_path, lambda done, total: heard.append(total))
    assert heard == []


def test_a_missing_jar_is_told_from_a_present_one(tmp_path: Path) -> None:
    assert jars.missing([GOOD], tmp_path) == [GOOD]
    (tmp_path / GOOD.filename).write_bytes(CONTENT)
    assert jars.missing([GOOD], tmp_path) == []


@pytest.mark.parametrize("line", ["org.example:part 00", "org.example:part:1.0", f"org.example:part:1.0 {'0' * 63}", f"a:b:c:d {'0' * 64}"])
def test_a_malformed_line_of_the_lock_is_named(tmp_path: Path, line: str) -> None:
    lock = tmp_path / "jars.lock"
    lock.write_text(f"# comment\n{line}\n")
    with pytest.raises(Terminal, match="line 2"):
        jars.read_lock(lock)


def test_the_class_path_does_not_depend_on_the_order_of_the_lock(tmp_path: Path) -> None:
    other = Jar("org.example", "another", "2.0", "0" * 64)
    assert jars.classpath([GOOD, other], tmp_path) == jars.classpath([other, GOOD], tmp_path)
