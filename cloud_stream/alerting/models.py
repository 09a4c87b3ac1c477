"""Models that score live: alerts where the version that was promoted cannot be used, or the registry is not reached.

A model's alert goes by a name like a vehicle's, `MODEL-` and its name, and is written by the process that owns that name's partition. The
process says of its own models what is wrong; time is Kafka's, as with everything that is silent.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

from cloud_stream.alerting.evaluation import Change, Silence
from cloud_stream.alerting.watch import Life, alert_id

PREFIX = "MODEL-"
Troubles = Mapping[str, str | None]
"""By model what keeps its promoted version from scoring: empty where nothing does, None where that is not known yet."""


class Models(msgspec.Struct):
    """`since`: Kafka's time (ms) from which on a model has been in trouble; `standing`: alerts that stand, by rule and model."""

    since: dict[str, int] = msgspec.field(default_factory=dict)
    standing: dict[str, Life] = msgspec.field(default_factory=dict)
    names: list[str] = msgspec.field(default_factory=list)

    def changes(self, rules: Sequence[Silence], troubles: Troubles, clock_ms: int) -> list[Change]:
        """Alerts of models that have been in trouble for too long, and the end of those that score again."""
        for model, trouble in troubles.items():
            if trouble:
                self.since.setdefault(model, clock_ms)
            elif trouble is not None:
                self.since.pop(model, None)
        kept = {rule.id for rule, _ in rules}
        self.standing = {key: life for key, life in self.standing.items() if life.rule in kept}
        return [change for rule in rules for model in sorted(troubles) for change in self._of(rule, model, troubles[model], clock_ms)]

    def _of(self, silence: Silence, model: str, trouble: str | None, clock_ms: int) -> list[Change]:
        key = f"{silence.rule.id}/{model}"
        before = self.standing.get(key)
        if trouble is None:
            return []
        if not trouble:
            after = None
            self.standing.pop(key, None)
        elif before is not None:
            after = self.standing[key] = before if before.said == trouble else msgspec.structs.replace(before, said=trouble, ts=clock_ms)
        elif clock_ms - self.since[model] >= silence.after_ms:
            after = self.standing[key] = self._raised(silence, model, trouble)
        else:
            after = None
        if before is after:
            return []
        if after is None:
            assert before is not None
            after = msgspec.structs.replace(before, cleared_ts=clock_ms, ts=clock_ms)
        return [Change(self._number(name_of(model)), before, after)]

    def _raised(self, silence: Silence, model: str, trouble: str) -> Life:
        rule, after_ms = silence
        since = self.since[model]
        name, raised = alert_id(name_of(model), rule.id, 0, since), since + after_ms
        return Life(name, rule.id, raised, 0, 0, 0, after_ms / 1000, 1, raised, 0, said=trouble)

    def _number(self, name: str) -> int:
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)


def name_of(model: str) -> str:
    """The name under which a model's alerts go."""
    return (PREFIX + re.sub("[^A-Z0-9]+", "-", model.upper()))[:32]
