"""MindSpore's own model files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from mindtune.errors import ConfigError
from mindtune.ops import composed
from mindtune.parameters import weights_of


def write_mindir(network: nn.Cell, file: Path, fixed_batch: int | None) -> None:
    """Write ``network`` as it stands: images float32 (B, 3, S, S) -> logits (B, K).

    B is ``fixed_batch``, or any where that is None. The file's name must end in ``.mindir``. It
    holds MindSpore's own operators only.

    Raises:
        ConfigError: weights of 1 GiB or more, which MindSpore splits over a folder of files.
    """
    gigabytes = 4 * sum(p.size for p in weights_of(network)) / 2**30
    if gigabytes >= 1:
        raise ConfigError(
            f"file_format: got MINDIR for {gigabytes:.2f} GiB of weights, expected less than the "
            "1 GiB that one MINDIR file can hold; use --file_format ONNX"
        )
    size = network.preprocessing.input_size
    images = Tensor(shape=[fixed_batch, 3, size, size], dtype=ms.float32)
    if fixed_batch is not None:
        images = Tensor(np.zeros((fixed_batch, 3, size, size), np.float32))
    with composed(network):
        ms.export(network, images, file_name=str(file.with_suffix("")), file_format="MINDIR")


def open_mindir(file: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The network in the file: images (B, 3, S, S) -> logits (B, K)."""
    network = nn.GraphCell(ms.load(str(file)))
    return lambda images: network(Tensor(images)).asnumpy()


def run_mindir(file: Path, images: np.ndarray) -> np.ndarray:
    """Logits (B, K) that the file gives for images (B, 3, S, S)."""
    return open_mindir(file)(images)
