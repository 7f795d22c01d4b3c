"""Figures of protocol ``diagnose``."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from mindtune.files import replace_atomically
from mindtune.optional_packages import require_package

_DPI = 150


def require_plots(what: str) -> ModuleType:
    """matplotlib's pyplot, drawing into files.

    Args:
        what: who draws, for the message.

    Raises:
        UserError: it is not installed.
    """
    matplotlib = require_package("matplotlib", what, "report")
    matplotlib.use("agg")
    return require_package("matplotlib.pyplot", what, "report")


def plot_attention(pyplot: ModuleType, file: Path, found: dict[str, Any]) -> None:
    """Distance and similarity of every head over the layers, side by side."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.5))
    distances = np.array(found["distance"])  # (L, H)
    layers = np.arange(1, len(distances) + 1)
    left.plot(layers, distances, "o", alpha=0.6)
    left.plot(layers, distances.mean(1), "k-")
    left.set(ylabel="average attention distance (pixels)", ylim=(0, 1.05 * distances.max()))
    right.plot(layers[: len(found["mean_similarity"])], found["mean_similarity"], "ko-")
    right.set(ylabel="cosine similarity between heads", ylim=(0, 1.05))
    for axes in (left, right):
        axes.set(xlabel="layer", xticks=layers)
    _save(figure, file, pyplot)


def plot_landscape(pyplot: ModuleType, file: Path, found: dict[str, Any]) -> None:
    """Contours of the loss."""
    places, losses = np.array(found["places"]), np.array(found["losses"])
    figure, axes = pyplot.subplots(figsize=(5, 4))
    drawn = axes.contourf(places, places, losses, levels=20)
    axes.plot(0, 0, "w+")
    axes.set(xlabel="direction 2", ylabel="direction 1")
    figure.colorbar(drawn, label="cross-entropy")
    _save(figure, file, pyplot)


def _save(figure: Any, file: Path, pyplot: ModuleType) -> None:
    figure.tight_layout()
    replace_atomically(file, lambda temporary: figure.savefig(temporary, dpi=_DPI, format="png"))
    pyplot.close(figure)
