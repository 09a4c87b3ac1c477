"""The two ways in which the world is broken.

    Broken
    ├── Transient   may pass: retry with backoff, and show it
    └── Terminal    will not pass: stop loudly and say what to do

A refused record is neither: it is a value. Third-party errors become one of these where the library is imported.
"""


class Broken(Exception):
    """Something outside this code does not work. The text is one sentence for a person."""


class Transient(Broken):
    """May pass by itself: a server that is down, a busy port."""


class Terminal(Broken):
    """Needs a person: a wrong setting, a missing file, a full disk. The text says what to do."""
