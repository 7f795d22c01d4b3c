"""The figure of protocol ``few_shot_clip``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from mindtune.files import replace_atomically
from mindtune.optional_packages import require_package

_DPI = 150
_NEEDED_BY = "few_shot_clip.plot: draws a figure"


def require_plots() -> ModuleType:
    """matplotlib, drawing into files.

    Raises:
        UserError: it is not installed.
    """
    require_package("matplotlib", _NEEDED_BY, "report").use("agg")
    return require_package("matplotlib.pyplot", _NEEDED_BY, "report")


def plot_shots(
    pyplot: ModuleType,
    file: Path,
    title: str,
    shots: Sequence[int],
    accuracies: Mapping[str, np.ndarray],
) -> None:
    """Accuracy over the number of shots, a line a method with a band of one standard deviation.

    Args:
        pyplot: of matplotlib.
        file: to write, a PNG or SVG by its name.
        title: above the axes.
        shots: numbers of shots (S,).
        accuracies: percent by method (S, seeds).
    """
    figure, axes = pyplot.subplots(figsize=(6, 4))
    places = np.arange(len(shots))
    for name, values in accuracies.items():
        mean = values.mean(axis=1)
        (line,) = axes.plot(places, mean, "o-", label=name)
        if values.shape[1] > 1:
            spread = values.std(axis=1, ddof=1)
            axes.fill_between(
                places, mean - spread, mean + spread, color=line.get_color(), alpha=0.15
            )
    axes.set(xlabel="images a class", ylabel="top-1 (%)", title=title)
    axes.set_xticks(places, [str(number) for number in shots])
    axes.legend(fontsize=8)
    figure.tight_layout()
    file_format = file.suffix[1:]
    undated = {"Date": None} if file_format == "svg" else None
    with pyplot.rc_context({"svg.hashsalt": "mindtune"}):  # the same figure, the same bytes
        replace_atomically(
            file,
            lambda temporary: figure.savefig(
                temporary, dpi=_DPI, format=file_format, metadata=undated
            ),
        )
    pyplot.close(figure)
