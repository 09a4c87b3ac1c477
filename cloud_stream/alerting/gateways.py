"""Gateways: through which one each vehicle was heard last, and alerts where nothing comes through one at all.

A gateway's alert goes by a name like a vehicle's, `GATEWAY-` and its id, and is written by the process that owns that name's partition.
"""

import zlib
from collections.abc import Sequence

import msgspec
import pyarrow as pa

from cloud_stream.alerting.evaluation import Change, Silence
from cloud_stream.alerting.watch import Life, alert_id
from contracts.topics import PARTITIONS

PREFIX = "GATEWAY-"


class Gateways(msgspec.Struct):
    """`of`: gateway by vehicle; `heard`: Kafka's time (ms) of the newest row through each; `silent`: alerts that stand, by gateway and rule."""

    of: dict[str, str] = msgspec.field(default_factory=dict)
    heard: dict[str, int] = msgspec.field(default_factory=dict)
    silent: dict[str, Life] = msgspec.field(default_factory=dict)
    names: list[str] = msgspec.field(default_factory=list)

    def heard_of(self, rows: pa.Table) -> None:
        """Rows came through their gateways."""
        if not rows.num_rows:
            return
        newest = rows.group_by(["vehicle_id", "gateway_id"]).aggregate([("known_at", "max")]).sort_by("known_at_max").to_pydict()
        for vehicle, gateway, known in zip(*(newest[name] for name in ("vehicle_id", "gateway_id", "known_at_max")), strict=True):
            self.of[vehicle] = gateway
            self.heard[gateway] = max(self.heard.get(gateway, 0), round(known.timestamp() * 1000))

    def parents(self, vehicle: str) -> list[str]:
        """The name under which the alerts of a vehicle's gateway go."""
        gateway = self.of.get(vehicle)
        return [name_of(gateway)] if gateway else []

    def silences(self, rules: Sequence[Silence], clock_ms: int, owned: set[int]) -> list[Change]:
        """Alerts of gateways that fell silent, and the end of those that are heard again."""
        changes = []
        kept = {rule.id for rule, _ in rules}
        self.silent = {key: life for key, life in self.silent.items() if life.rule in kept}
        for rule, after_ms in rules:
            for gateway, heard_ms in self.heard.items():
                name, key = name_of(gateway), f"{rule.id}/{gateway}"
                life = self.silent.get(key)
                if partition_of(name) not in owned:
                    continue
                if life is None and clock_ms - heard_ms > after_ms:
                    new = alert_id(name, rule.id, 0, heard_ms)
                    raised = heard_ms + after_ms
                    self.silent[key] = Life(new, rule.id, raised, 0, 0, 0, after_ms / 1000, 1, raised, 0)
                    changes.append(Change(self._number(name), None, self.silent[key]))
                elif life is not None and clock_ms - heard_ms <= after_ms:
                    del self.silent[key]
                    cleared = msgspec.structs.replace(life, cleared_ts=heard_ms, ts=heard_ms)
                    changes.append(Change(self._number(name), life, cleared))
        return changes

    def _number(self, name: str) -> int:
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)


def partition_of(name: str) -> int:
    """The partition that owns the alerts of a name that is no vehicle's."""
    return zlib.crc32(name.encode()) % PARTITIONS


def name_of(gateway: str) -> str:
    """The name under which a gateway's alerts go."""
    return (PREFIX + gateway.upper())[:32]
