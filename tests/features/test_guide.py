"""The guide for data scientists runs as it stands: from a lake to a champion that the live flow takes."""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features import registry
from features.scoring import Champion
from features.store import apply
from features.transforms import SCORABLE
from tests.features.learnable import made_learnable

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "train_your_model.md"


def test_the_guide_ends_with_a_champion_that_scores_live(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = tmp_path / ".voltlake"
    made_learnable(stack / "lake")
    apply(stack / "features", str(stack / "lake"), redis_url)
    (stack / "mlflow").mkdir()
    uri = f"sqlite:///{stack / 'mlflow' / 'mlflow.db'}"
    monkeypatch.chdir(tmp_path)
    registry.connect(uri)
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(blocks) >= 6
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec"), names)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".voltlake"], "nothing lands in the folder that a person happens to stand in"
    assert float(str(names["error"])) < float(str(names["usual"])), capsys.readouterr().out
    for alias in (registry.CHAMPION, registry.CHALLENGER):
        one = Champion(uri, "energy_per_km", features=SCORABLE, alias=alias)
        one.look()
        assert (one.version, one.refused) == ("1", None)
        scored = one.score(pa.table({name: [1.0, None] for name in SCORABLE}))
        assert scored is not None
        assert np.isfinite(scored[1]).all()
