"""MLflow's registry: log a model, list versions, move the alias. The only place that imports mlflow, and only when called (5 CPU seconds)."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from contracts.errors import Terminal, Transient

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
EXPERIMENT = "voltlake"
_SQLITE = "sqlite:///"
# What loading a tree model needs to trust, beyond what skops trusts by itself: nothing else in the file is run.
_TRUSTED = [
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn._loss.link.Interval",
    "sklearn._loss.loss.AbsoluteError",
]


class Version(msgspec.Struct, frozen=True):
    """One version of a registered model; times in milliseconds since the epoch."""

    name: str
    version: str
    aliases: list[str]
    created_ms: int
    run_id: str
    metrics: dict[str, float]
    tags: dict[str, str]


def connect(uri: str) -> "MlflowClient":
    """A client of the store at `uri`, which becomes this process' store; one in a file is made where there is none. No telemetry.

    Raises Transient where it does not answer.
    """
    import mlflow
    from mlflow.environment_variables import MLFLOW_DISABLE_TELEMETRY, MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR
    from mlflow.telemetry import set_telemetry_client

    # Deprecations within MLflow and its parts: nothing that a person here can act on.
    warnings.filterwarnings("ignore", module=r"(mlflow|sqlalchemy|skops)(\..*)?$")
    MLFLOW_DISABLE_TELEMETRY.set(True)
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)
    set_telemetry_client()
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    with reached(uri):
        return mlflow.MlflowClient(uri, uri)


def there(uri: str) -> bool:
    """False where the store is a file that nobody has made yet."""
    return not uri.startswith(_SQLITE) or Path(uri.removeprefix(_SQLITE)).exists()


@contextmanager
def reached(uri: str) -> Iterator[None]:
    """What MLflow does not answer becomes Transient, what it does not have Terminal."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError  # MLflow lets it through while it opens a store

    try:
        yield
    except MlflowException as error:
        text = f"MLflow at {_shown(uri)}: {error.message.splitlines()[0]}"
        raise (Terminal if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE") else Transient)(text) from error
    except (OSError, SQLAlchemyError) as error:
        raise Transient(f"MLflow at {_shown(uri)} does not answer: {str(error).splitlines()[0]}") from error


class Files(msgspec.Struct, frozen=True):
    """What is kept with a run beside the model: texts and drawn figures, by the name of their file."""

    texts: dict[str, str] = {}
    figures: dict[str, Any] = {}


def log(uri: str, name: str, model: Any, example: "pd.DataFrame", facts: Mapping[str, Mapping[str, Any]], files: Files = Files()) -> str:  # noqa: B008
    """Log a scikit-learn model with signature and input example, and register it as the next version, which is returned.

    facts: `params`, `metrics` and `tags` of the run; the tags are also the version's.
    """
    client = connect(uri)
    import mlflow
    from mlflow.models import infer_signature

    with reached(uri), mlflow.start_run(experiment_id=_experiment(client, uri), run_name=name) as run:
        mlflow.log_params(dict(facts["params"]))
        mlflow.log_metrics({key: value for key, value in facts["metrics"].items() if value == value})  # noqa: PLR0124 - not a number is no metric
        mlflow.set_tags(dict(facts["tags"]))
        for file, text in files.texts.items():
            mlflow.log_text(text, file)
        for file, figure in files.figures.items():
            mlflow.log_figure(figure, file)
        logged = mlflow.sklearn.log_model(
            model,
            name=name,
            signature=infer_signature(example, model.predict(example)),
            input_example=example,
            pip_requirements=_requirements(),
            skops_trusted_types=_trusted(model),
        )
        if not client.search_registered_models(f"name='{name}'"):
            client.create_registered_model(name)
        made = client.create_model_version(name, logged.model_uri, run.info.run_id, tags=dict(facts["tags"]), model_id=logged.model_id)
    return str(made.version)


def _trusted(model: Any) -> list[str]:
    """The types that loading this model needs: ours and scikit-learn's alone."""
    from skops import io

    needed = io.get_untrusted_types(data=io.dumps(model))
    return sorted({*_TRUSTED, *(name for name in needed if name.split(".")[0] in ("sklearn", "features"))})


def loaded(uri: str, name: str, version: str | None = None) -> tuple[Any, str]:
    """A version's estimator (None: the champion's) and its number. Raises Terminal where there is none or it cannot be loaded."""
    found = versions(uri, name)
    wanted = next((row for row in found if (CHAMPION in row.aliases if version is None else row.version == version)), None)
    if wanted is None:
        what = f"no champion of {name}" if version is None else f"no version {version} of {name}"
        raise Terminal(f"there is {what}: `voltlake models train {name} --data DIR` makes one")
    import mlflow

    address = f"models:/{name}/{wanted.version}"
    try:
        return mlflow.sklearn.load_model(address), wanted.version
    except Exception as error:  # what stands behind an address is foreign: whatever it does, a person gets a sentence
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Terminal(f"version {wanted.version} of {name} cannot be loaded: {first}; train it anew") from error


def text(uri: str, run_id: str, file: str) -> str:
    """A text that was logged with a run. Raises Terminal where there is none."""
    connect(uri)
    import mlflow

    try:
        return str(mlflow.artifacts.load_text(f"runs:/{run_id}/{file}"))
    except Exception as error:  # MLflow has an error of its own for each kind of store
        raise Terminal(f"there is no {file} with run {run_id}: the version was logged without one") from error


def promote(uri: str, name: str, version: str, alias: str = CHAMPION) -> None:
    """Give a version the champion's alias, or another. Raises Terminal where there is no such version."""
    if not there(uri):
        raise Terminal(f"there is no model {name} yet: `voltlake models train` makes the first")
    client = connect(uri)
    with reached(uri):
        client.get_model_version(name, version)
        client.set_registered_model_alias(name, alias, version)


def aliases(uri: str) -> dict[str, dict[str, str]]:
    """The version behind each alias of each model, by model and alias; none where there is no store yet. Raises Transient."""
    if not there(uri):
        return {}
    client = connect(uri)
    with reached(uri):
        return {model.name: {alias: str(number) for alias, number in model.aliases.items()} for model in client.search_registered_models()}


def versions(uri: str, name: str | None = None) -> list[Version]:
    """All versions of one model, or of all, newest first; none where there is no store yet."""
    if not there(uri):
        return []
    client = connect(uri)
    with reached(uri):
        models = client.search_registered_models(f"name='{name}'" if name else None)
        aliases = {model.name: model.aliases for model in models}
        found = [version for model in models for version in client.search_model_versions(f"name='{model.name}'")]
        rows = [_version(client, version, aliases[version.name]) for version in found]
    return sorted(rows, key=lambda row: (row.name, -int(row.version)))


def _version(client: "MlflowClient", found: Any, aliases: Mapping[str, Any]) -> Version:
    mine = sorted(alias for alias, number in aliases.items() if str(number) == str(found.version))
    metrics = client.get_run(found.run_id).data.metrics if found.run_id else {}
    return Version(found.name, str(found.version), mine, int(found.creation_timestamp), found.run_id or "", dict(metrics), dict(found.tags))


def _experiment(client: "MlflowClient", uri: str) -> str:
    """Ours, made at the first run. Of a store in a file, files of models lie beside it, not in the folder that a person happens to stand in."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    beside = (Path(uri.removeprefix(_SQLITE)).resolve().parent / "mlflow-artifacts").as_uri() if uri.startswith(_SQLITE) else None
    return str(client.create_experiment(EXPERIMENT, artifact_location=beside))


def _requirements() -> list[str]:
    from importlib.metadata import version

    return [f"{package}=={version(package)}" for package in ("mlflow", "scikit-learn", "numpy", "pandas", "skops")]


def _shown(uri: str) -> str:
    """The address without a password."""
    head, at, tail = uri.rpartition("@")
    return f"{head.partition('://')[0]}://***@{tail}" if at else uri
