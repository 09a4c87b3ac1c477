"""How upkeep is configured: environment variables that begin with `UPKEEP_`."""

import msgspec


class UpkeepSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One process for the whole lake; a second one is refused by the tables' fence, merge by merge."""

    lake: str
    """Folder or URL of the lake."""
    every_s: float = 30.0
    """Between two rounds: how many small files a reader meets at most."""
    vacuum_every_s: float = 3600.0
    metrics_port: int = 0
    """0 serves no metrics."""
