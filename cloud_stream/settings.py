"""How a dataflow is configured: environment variables that begin with `FLOW_`."""

import msgspec


class FlowSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One dataflow process. It owns the Kafka partitions with `partition % replicas == ordinal`; two owners of one are refused."""

    kafka: str
    """Bootstrap address of the central cluster; a wrong one is waited for."""
    lake: str
    """Folder or URL of the lake."""
    redis: str = "redis://127.0.0.1:6379/0"
    """Where the live flow writes online features."""
    mlflow: str = ""
    """Where the live flow finds models; empty: it scores nothing."""
    rules: str = ""
    """File with alert rules (YAML), looked at again every few seconds; empty, or as long as there is none: those that come with voltlake."""
    replicas: int = 1
    ordinal: int = 0
    commit_ms: int = 200
    """How long rows are gathered for a commit: latency against the number of files."""
    metrics_port: int = 0
    """0 serves no metrics."""
