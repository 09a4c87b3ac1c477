"""Where things lie in the folder of a stack."""

from pathlib import Path

import msgspec


class Layout(msgspec.Struct, frozen=True):
    """The one folder (`--data`) that holds all state of a stack."""

    data: Path

    @property
    def lake(self) -> Path:
        """Delta tables, `layer/table`."""
        return self.data / "lake"

    @property
    def rules(self) -> Path:
        """Alert rules of one's own; where there are none, those that come with voltlake count."""
        return self.data / "alert-rules.yaml"

    @property
    def undelivered(self) -> Path:
        """Notifications of alerts that could not be delivered."""
        return self.data / "undelivered-alerts.jsonl"

    @property
    def logs(self) -> Path:
        """One log a process."""
        return self.data / "logs"

    @property
    def certificates(self) -> Path:
        """The throw-away authority and what it signed."""
        return self.data / "certificates"

    @property
    def configuration(self) -> Path:
        """The servers' files, filled in from `deploy/`."""
        return self.data / "configuration"

    @property
    def ledger(self) -> Path:
        """What the sensors say they published and were told."""
        return self.data / "ledger"

    @property
    def features(self) -> Path:
        """The feature registry."""
        return self.data / "features"

    @property
    def mlflow(self) -> Path:
        """The model registry's database and artifacts."""
        return self.data / "mlflow"

    @property
    def accounts(self) -> Path:
        """Who may sign in to the dashboards, and what they did."""
        return self.data / "accounts"

    @property
    def redis(self) -> Path:
        """What Redis saves."""
        return self.data / "redis"

    @property
    def record(self) -> Path:
        """What runs where: `voltlake.stack.record`."""
        return self.data / "stack.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor."""
        return self.data / "stack.lock"

    def kafka(self, cluster: str) -> Path:
        """A broker's storage."""
        return self.data / "kafka" / cluster

    def spool(self, gateway: str) -> Path:
        """A gateway's spool."""
        return self.data / "spool" / gateway

    def log(self, name: str) -> Path:
        """A process's log."""
        return self.logs / f"{name}.log"

    def make(self) -> None:
        """Make the folders, readable by their owner alone."""
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (
            self.lake,
            self.logs,
            self.configuration,
            self.ledger,
            self.features,
            self.mlflow / "artifacts",
            self.redis,
            self.data / "kafka",
        ):
            folder.mkdir(parents=True, exist_ok=True)
