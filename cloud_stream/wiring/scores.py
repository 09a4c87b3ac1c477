"""What the live flow asks: the champion of each served model, a challenger in its shadow, and what Prometheus shows of both."""

import pyarrow as pa
from prometheus_client import Gauge

from cloud_stream.alerting.models import Troubles
from cloud_stream.steps.asked import Answer
from features import registry
from features.scoring import Champion, Watch
from features.served import SERVED


def shadow(name: str) -> str:
    """The name under which a challenger's scores travel: no rule takes them for the champion's."""
    return f"{name}/{registry.CHALLENGER}"


def champions(mlflow: str) -> dict[str, Champion]:
    """All that may score, by the name that their scores go by. Nothing is loaded yet."""
    found = {}
    for one in SERVED:
        found[one.name] = Champion(mlflow, one.name, one.inputs)
        found[shadow(one.name)] = Champion(mlflow, one.name, one.inputs, registry.CHALLENGER)
    return found


class Asking:
    """Asks the champion and the challenger of a model, and says what keeps a champion from scoring."""

    def __init__(self, mlflow: str) -> None:
        """Nobody answers where MLflow is not configured or no version has the alias."""
        self._found = champions(mlflow) if mlflow else {}
        self._watch = Watch(mlflow, list(self._found.values()))
        if mlflow:
            _shown(self._found)
            self._watch.start()

    def __call__(self, name: str, rows: pa.Table) -> list[Answer]:
        """What they answer."""
        labels = [label for label in (name, shadow(name)) if label in self._found]
        return [answer for label in labels for answer in answered(label, self._found[label], rows)]

    def troubles(self) -> Troubles:
        """What is wrong with the champions."""
        return self._watch.troubles()


def asking(mlflow: str) -> Asking:
    """Ask them, and look after them from now on."""
    return Asking(mlflow)


def answered(label: str, one: Champion, rows: pa.Table) -> list[Answer]:
    """Its answer; none where no version is loaded or it fails on these rows."""
    scored = one.score(rows)
    return [] if scored is None else [Answer(label, *scored)]


def _shown(found: dict[str, Champion]) -> None:
    """Operational signals: which version scores, and whether the one that was promoted is refused. Alert on the second."""
    version = Gauge("flow_live_model_version", "version that scores now, 0 where none does", ["model"])
    refused = Gauge("flow_live_model_refused", "1 where the version that has the alias cannot be used", ["model"])
    for label, one in found.items():
        version.labels(label).set_function(lambda one=one: float(one.version or 0))  # type: ignore[misc]
        refused.labels(label).set_function(lambda one=one: float(one.refused is not None))  # type: ignore[misc]
