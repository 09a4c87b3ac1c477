"""How the Java programs of a stack are run, and the archives of loaded classes that halve the work of their start.

The first orderly end of a server writes an archive of the classes that it had loaded; later starts map it instead of
reading, checking and linking some thousand classes again. It is made for one build of Java and one set of jars, and a
Java that cannot use it ignores it.
"""

import hashlib
from pathlib import Path

import msgspec

from voltlake.stack.programs import Java

MEMORY = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Djava.awt.headless=true")
COMPILER = ("-XX:TieredStopAtLevel=1",)
"""Without the optimising one: in the first minutes it takes more than it gives, and at a steady load of 500 messages/s little is lost."""
QUIET = ("-Xshare:auto", "-Xlog:disable", "-Xlog:all=error:stderr")
LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)


class JavaCommand(msgspec.Struct, frozen=True):
    """`archives`: folder in the cache, shared by all stacks; `drafts`: folder of this stack, where new ones are written."""

    java: Java
    classpath: str
    archives: Path
    drafts: Path

    def tool(self, main: str, *arguments: str) -> tuple[str, ...]:
        """The command line of a program that runs for a moment."""
        return self._command((), main, arguments)

    def server(self, name: str, main: str, *arguments: str) -> tuple[str, ...]:
        """The command line of a server."""
        archive = self._archive(name)
        option = f"-XX:SharedArchiveFile={archive}" if archive.exists() else f"-XX:ArchiveClassesAtExit={self._draft(name)}"
        return self._command((option,), main, arguments)

    def keep_archives(self, ended: set[str]) -> None:
        """Keep what the servers that ended in order have written, for the next start."""
        for draft in self.drafts.glob("*.jsa"):
            if draft.stem in ended:
                self.archives.mkdir(parents=True, exist_ok=True)
                draft.replace(self._archive(draft.stem))
            else:
                draft.unlink()

    def _command(self, options: tuple[str, ...], main: str, arguments: tuple[str, ...]) -> tuple[str, ...]:
        return (self.java.program, *MEMORY, *COMPILER, *QUIET, *LOGGING, *options, "-cp", self.classpath, main, *arguments)

    def _archive(self, name: str) -> Path:
        facts = "\n".join((self.java.program, self.java.build, self.classpath, *MEMORY))
        return self.archives / f"{name}-{hashlib.sha256(facts.encode()).hexdigest()[:16]}.jsa"

    def _draft(self, name: str) -> Path:
        return self.drafts / f"{name}.jsa"
