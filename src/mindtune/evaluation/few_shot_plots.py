"""The figure of protocol ``few_shot_clip``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from mindtune.files import replace_atomically

_DPI = 150
_MARKS = "os^vDP*X"


def plot_shots(
    pyplot: ModuleType,
    file: Path,
    title: str,
    shots: Sequence[int],
    accuracies: Mapping[str, np.ndarray],
) -> None:
    """Write ``shots_figure`` to ``file``, a PNG."""
    figure = shots_figure(pyplot, title, shots, accuracies)
    replace_atomically(file, lambda temporary: figure.savefig(temporary, dpi=_DPI, format="png"))
    pyplot.close(figure)


def shots_figure(
    pyplot: ModuleType, title: str, shots: Sequence[int], accuracies: Mapping[str, np.ndarray]
) -> Any:
    """Accuracy over the number of shots, a line a method with a band of one standard deviation.

    Args:
        pyplot: of matplotlib.
        title: above the axes.
        shots: numbers of shots (S,).
        accuracies: percent by method (S, seeds).

    Returns:
        A figure of matplotlib.
    """
    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    places = np.arange(len(shots))
    for mark, (name, values) in zip(cycle(_MARKS), accuracies.items()):
        mean = values.mean(axis=1)
        (line,) = axes.plot(places, mean, marker=mark, label=name)
        if values.shape[1] > 1:
            spread = values.std(axis=1, ddof=1)
            axes.fill_between(
                places, mean - spread, mean + spread, color=line.get_color(), alpha=0.15
            )
    axes.set(xlabel="images a class", ylabel="top-1 (%)", title=title)
    axes.set_xticks(places, [str(number) for number in shots])
    axes.legend(fontsize=8)
    return figure
