"""Pictures of the pages that the scripts beside it write."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from mindtune.files import replace_atomically


def save(pyplot: ModuleType, figure: Any, file: Path) -> None:
    """Write ``figure`` in the format that the file's suffix names; the same gives the same bytes.

    Raises:
        CheckpointError: the file cannot be written.
    """
    file_format = file.suffix.lstrip(".") or "png"
    undated = {"Date": None} if file_format == "svg" else None
    with pyplot.rc_context({"svg.hashsalt": "mindtune"}):
        replace_atomically(
            file,
            lambda temporary: figure.savefig(
                temporary, format=file_format, dpi=120, metadata=undated
            ),
        )
    pyplot.close(figure)
