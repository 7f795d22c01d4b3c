"""Run an ONNX file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mindtune.onnx_graph.write import INPUT, OUTPUT
from mindtune.optional_packages import require_package


def open_onnx(file: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The network in the ``file``, on CPU: normalised images float32 (B, 3, S, S) -> logits (B, K).

    Raises:
        UserError: the package onnxruntime is missing.
    """
    runtime = require_package("onnxruntime", "file_format: got ONNX", "onnx")
    session = runtime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return lambda images: session.run([OUTPUT], {INPUT: images})[0]


def run_onnx(file: Path, images: np.ndarray) -> np.ndarray:
    """Logits (B, K) which the ``file`` gives for normalised images float32 (B, 3, S, S), on CPU.

    Raises:
        UserError: the package onnxruntime is missing.
    """
    return open_onnx(file)(images)
