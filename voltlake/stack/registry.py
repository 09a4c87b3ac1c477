"""Apply the feature definitions to a stack's registry, if they changed: `python -m voltlake.stack.registry FOLDER LAKE REDIS_URL`.

A process of its own: the feature store takes seconds to import, which no other process should spend.
"""

import hashlib
import sys
from pathlib import Path

from contracts.errors import Broken
from voltlake.settings import PROJECT


def definitions_hash(*facts: str) -> str:
    """Of the sources that define the features, and of these facts."""
    digest = hashlib.sha256("\n".join(facts).encode())
    for source in sorted((PROJECT / "features").rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def main() -> None:
    """Apply unless the same was applied before."""
    folder, lake, redis_url = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    stamp, wanted = folder / "applied", definitions_hash(lake, redis_url)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    from features.store import apply

    try:
        apply(folder, lake, redis_url)
    except Broken as error:
        sys.exit(str(error))
    stamp.write_text(wanted)


if __name__ == "__main__":
    main()
