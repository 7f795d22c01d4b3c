"""Run an ONNX file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mindtune.onnx_graph.package import require
from mindtune.onnx_graph.write import INPUT, OUTPUT


def run_onnx(file: Path, images: np.ndarray) -> np.ndarray:
    """Logits (B, K) which the ``file`` gives for normalised images float32 (B, 3, S, S), on CPU.

    Raises:
        UserError: the package onnxruntime is missing.
    """
    runtime = require("onnxruntime")
    session = runtime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return session.run([OUTPUT], {INPUT: images})[0]
