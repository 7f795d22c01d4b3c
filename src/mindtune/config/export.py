"""Keys of export.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Optional

from mindtune.config.run import RunConfig


@dataclass
class ExportConfig(RunConfig):
    """Write trained weights as a file that runs without this package.

    Attributes:
        file: where to write; default: model.mindir or model.onnx in the run folder.
        file_format: MINDIR (MindSpore, MindSpore Lite) or ONNX.
        fixed_batch: number of images the file takes; default: any.
    """

    file: Optional[str] = None
    file_format: Literal["MINDIR", "ONNX"] = "MINDIR"
    fixed_batch: Optional[int] = None
