"""Plots that are logged with a version: residuals, calibration, importance. Matplotlib without a display, imported when drawn."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from features.models.fitted import Seen

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_POINTS = 3000
BINS = 10


def drawn(seen: Seen, importance: Mapping[str, float], unit: str) -> dict[str, "Figure"]:
    """Figures by the name of the file that they are logged as."""
    return {
        "plots/residuals.png": _residuals(seen, unit),
        "plots/calibration.png": _calibration(seen, unit),
        "plots/importance.png": _importance(importance),
    }


def _blank(title: str, across: str, up: str) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot(title=title, xlabel=across, ylabel=up)
    axes.grid(alpha=0.3)
    return figure


def _residuals(seen: Seen, unit: str) -> "Figure":
    figure = _blank("Residuals on held-back records", f"predicted, {unit}", f"predicted less true, {unit}")
    some = slice(None, None, max(1, len(seen.truth) // MOST_POINTS))
    figure.axes[0].scatter(seen.predicted[some], (seen.predicted - seen.truth)[some], s=8, alpha=0.5)
    figure.axes[0].axhline(0, color="black", linewidth=1)
    return figure


def _calibration(seen: Seen, unit: str) -> "Figure":
    """Mean truth by bins of the prediction; with the interval where there is one."""
    figure = _blank("Calibration", f"mean predicted, {unit}", f"mean true, {unit}")
    order = np.argsort(seen.predicted)
    bins = [part for part in np.array_split(order, min(BINS, len(order))) if len(part)]
    across, up = ([float(values[part].mean()) for part in bins] for values in (seen.predicted, seen.truth))
    axes = figure.axes[0]
    if seen.low is not None and seen.high is not None:
        low, high = seen.low[order], seen.high[order]
        axes.fill_between(seen.predicted[order], low, high, alpha=0.2, label="80 % interval")
        axes.legend()
    axes.plot(across, up, marker="o")
    axes.plot([min(across), max(across)], [min(across), max(across)], color="black", linewidth=1)
    return figure


def _importance(importance: Mapping[str, float]) -> "Figure":
    figure = _blank("Permutation importance", "growth of the mean absolute error", "")
    first = list(importance.items())[:15][::-1]
    figure.axes[0].barh([name for name, _ in first], [value for _, value in first])
    return figure
