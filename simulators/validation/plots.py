"""Plots of the page as small SVG files, the same bytes for the same figures."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulators.validation.section import Lines, Scatter

STYLE: dict[Any, Any] = {"svg.hashsalt": "voltlake", "svg.fonttype": "none", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}


def _scatter(axes: Axes, plot: Scatter) -> None:
    filled = [values for pair in plot.series.values() for values in pair if len(values)]
    low, high = min(v.min() for v in filled), max(v.max() for v in filled)
    edge = np.array([low * 0.95, high * 1.05])
    axes.plot(edge, edge, color="0.4", lw=0.8)
    axes.fill_between(edge, edge * 0.9, edge * 1.1, color="0.85", label="within 10 %")
    for name, (measured, predicted) in plot.series.items():
        if len(measured):
            axes.plot(measured, predicted, "o", ms=3.5, alpha=0.8, label=name)
    axes.set_xlabel(f"measured, {plot.unit}")
    axes.set_ylabel(f"predicted, {plot.unit}")


def _lines(axes: Axes, plot: Lines) -> None:
    for at, (name, (x, y)) in enumerate(plot.series.items()):
        paired = name.endswith("predicted") or len(plot.series) == 2
        colour = f"C{at // 2 if len(plot.series) > 2 else at}"
        axes.plot(x, y, color=colour, lw=1.1, ls="--" if paired and at % 2 else "-", label=name)
    axes.set_xlabel(plot.axes[0])
    axes.set_ylabel(plot.axes[1])


def draw(plot: Scatter | Lines, folder: Path) -> Path:
    """Write one plot to `folder` and give its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{plot.name}.svg"
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.2, 4), layout="constrained")
        axes = figure.subplots()
        if isinstance(plot, Scatter):
            _scatter(axes, plot)
        else:
            _lines(axes, plot)
        axes.set_title(plot.title)
        axes.legend(fontsize=7)
        figure.savefig(path, format="svg", metadata={"Date": None})
    return path
