"""Pictures of a chapter: the same numbers give the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from mindtune.evaluation.diagnosis_plots import require_plots
from mindtune.files import replace_atomically


@dataclass(frozen=True)
class Pictures:
    """Where the pictures of a page are.

    Attributes:
        folder: they are written to.
        link: of that folder, in the page.
    """

    folder: Path
    link: str

    def draw(self, name: str, alt: str, paint: Callable[[ModuleType], Any]) -> str:
        """Write ``name``.svg, the figure that ``paint`` makes with pyplot; markdown that shows it.

        Raises:
            UserError: matplotlib is not installed.
            CheckpointError: the file cannot be written.
        """
        pyplot = require_plots("the results: their plots are drawn")
        self.folder.mkdir(parents=True, exist_ok=True)
        with pyplot.rc_context({"svg.hashsalt": "mindtune"}):
            figure = paint(pyplot)
            replace_atomically(
                self.folder / f"{name}.svg",
                lambda file: figure.savefig(file, format="svg", metadata={"Date": None}),
            )
            pyplot.close(figure)
        return f"![{alt}]({self.link}/{name}.svg)"
