"""The Java parts: pinned by SHA-256 in `deploy/kafka/jars.lock`, fetched once, verified before each use."""

import hashlib
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from contracts.errors import Terminal, Transient
from voltlake.stack.locking import exclusively

Progress = Callable[[int, int], None]
AT_ONCE = 8
FETCHED = ".fetched"


class Jar(NamedTuple):
    """One line of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        """The file's name in the cache."""
        return f"{self.artifact}-{self.version}.jar"


def read_lock(path: Path) -> list[Jar]:
    """The jars of a lock file, lines of `group:artifact:version sha256`. Raises Terminal naming a malformed line."""
    jars = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.partition("#")[0].split()
        if not text:
            continue
        match [*text[0].split(":"), *text[1:]]:
            case [group, artifact, version, sha256] if len(sha256) == 64:
                jars.append(Jar(group, artifact, version, sha256))
            case _:
                raise Terminal(f"{path}, line {number}: expected 'group:artifact:version sha256', found {line!r}")
    return jars


def classpath(jars: Iterable[Jar], folder: Path) -> str:
    """The class path of the cached jars, in a fixed order (archives of loaded classes depend on it)."""
    return ":".join(str(folder / jar.filename) for jar in sorted(jars))


def missing(jars: Iterable[Jar], folder: Path) -> list[Jar]:
    """The jars that are not in the cache. What is there is verified: Terminal on a wrong hash, and the file is removed."""
    absent = []
    for jar in jars:
        if (folder / jar.filename).exists():
            verify(jar, folder / jar.filename)
        else:
            absent.append(jar)
    return absent


def verify(jar: Jar, path: Path) -> None:
    """Raises Terminal, and removes the file, where it is not what the lock says."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found == jar.sha256:
        return
    path.unlink()
    raise Terminal(
        f"{jar.filename} has SHA-256 {found[:16]}… where deploy/kafka/jars.lock says {jar.sha256[:16]}…; "
        "the file was removed: start again to fetch it anew, and distrust the source if that repeats"
    )


def provide(jars: list[Jar], folder: Path, progress: Progress) -> None:
    """Afterwards all jars are in `folder`, verified. `progress(done, all)` is called as they arrive.

    Several stacks may ask at once: one fetches, the others wait for it. Raises Transient without network, Terminal on a wrong hash.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with exclusively(folder / ".lock"):
        absent = missing(jars, folder)
        if not absent:
            return
        progress(0, len(absent))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            running = [pool.submit(_fetch, jar, folder) for jar in absent]
            try:
                for done, one in enumerate(as_completed(running), 1):
                    one.result()
                    progress(done, len(absent))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        shutil.rmtree(folder / FETCHED)


def _fetch(jar: Jar, folder: Path) -> None:
    """One jar through the Maven resolver, which knows where Maven's packages live."""
    import requests
    from jgo.maven import MavenContext

    place = folder / FETCHED
    half = place.joinpath(*jar.group.split("."), jar.artifact, jar.version, jar.filename)
    half.unlink(missing_ok=True)
    artifact = MavenContext(repo_cache=place, timeout=60).project(jar.group, jar.artifact).at_version(jar.version).artifact()
    try:
        got = artifact.resolve()
    except (OSError, RuntimeError, requests.RequestException) as error:
        raise Transient(f"{jar.filename} could not be fetched ({type(error).__name__}): check the network and start again") from error
    verify(jar, got)
    got.replace(folder / jar.filename)
