"""The file that holds accounts: SQLite, readable by its owner only, shared by the page and the `voltlake users` command."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.errors import Terminal

FILE = "accounts.db"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
  name TEXT PRIMARY KEY, role TEXT NOT NULL, hash TEXT NOT NULL, created_ms INTEGER NOT NULL, disabled INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS sessions (
  digest BLOB PRIMARY KEY, user TEXT NOT NULL, csrf TEXT NOT NULL, created_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS tokens (
  digest BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, role TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS acts (
  number INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, who TEXT NOT NULL, act TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT NOT NULL,
  chain TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS acts_stay BEFORE UPDATE ON acts BEGIN SELECT RAISE(ABORT, 'the record of acts is only added to'); END;
CREATE TRIGGER IF NOT EXISTS acts_remain BEFORE DELETE ON acts BEGIN SELECT RAISE(ABORT, 'the record of acts is only added to'); END;
"""


class Store:
    """One connection to the file, for the threads of one process. Raises Terminal where the file cannot be had."""

    def __init__(self, folder: Path) -> None:
        self._lock = threading.Lock()
        self.path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            self._database = sqlite3.connect(self.path, timeout=10, check_same_thread=False, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise Terminal(f"the accounts in {self.path} cannot be used: {error}; check the folder's owner and its disk") from None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Changes that happen together or not at all."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def rows(self, asked: str, *values: object) -> list[tuple[object, ...]]:
        """The answer to a question."""
        with self._lock:
            return self._database.execute(asked, values).fetchall()

    def close(self) -> None:
        """Close the file."""
        self._database.close()
