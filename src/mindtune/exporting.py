"""Export a network, trusted only after the written file gave the network's own logits."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn
from rich.console import Console
from sklearn.datasets import load_sample_images

from mindtune import assemble
from mindtune.adapter import read_weights
from mindtune.config import ExportConfig
from mindtune.config.checks import check_config
from mindtune.data.normalise import normalise
from mindtune.data.source import ImageArrays
from mindtune.data.transforms import EvalTransform
from mindtune.engine.device import use_device
from mindtune.errors import ConfigError, UserError
from mindtune.files import share, unwritable, write_atomically
from mindtune.merging import without_lora
from mindtune.mindir import run_mindir, write_mindir
from mindtune.onnx_graph.run import run_onnx
from mindtune.onnx_graph.write import write_onnx
from mindtune.preprocessing import Preprocessing
from mindtune.pretrained import Pretrained
from mindtune.run import run_folder
from mindtune.trained_network import trained_network

TOLERANCE = 1e-4


@dataclass(frozen=True)
class Format:
    """How a file format is written, and run to be checked."""

    write: Callable[[Any, Path, int | None], None]
    run: Callable[[Path, np.ndarray], np.ndarray]


FORMATS = {
    "MINDIR": Format(write_mindir, run_mindir),
    "ONNX": Format(write_onnx, run_onnx),
}


def export(config: ExportConfig, file: Path | str, console: Console | None = None) -> float:
    """Write the weights ``config.pretrained`` to ``file``, and their description beside it.

    The file takes normalised images float32 (B, 3, S, S) and gives logits (B, K); the ``.json``
    beside it says how to prepare images and what the classes are called. LoRA's updates are merged
    into their weights first.

    Returns:
        The largest difference between the file's logits and the network's on real photographs.

    Raises:
        UserError: the format cannot hold the network, or the file's logits differ by more than
            1e-4; no file is left then.
    """
    console = console or Console(soft_wrap=True, markup=False)
    file = Path(file)
    check_config(config)
    if config.fixed_batch is not None and config.fixed_batch < 1:
        raise ConfigError(f"fixed_batch: got {config.fixed_batch}, expected at least 1")
    if file.is_dir():
        raise ConfigError(f"file: got the folder {file}, expected the name of a file in it")
    use_device(config.device_target, config.seed)
    pretrained = read_weights(config)
    config, pretrained = without_lora(config, pretrained)
    names = pretrained.class_names or _class_names_of_data(config, pretrained)
    network = trained_network(
        config, pretrained, len(names), lambda line: console.print(line, highlight=False)
    )
    network.set_train(False)

    preprocessing = network.preprocessing
    images = photographs(preprocessing, config.fixed_batch or 4)
    difference = _write_checked(network, images, config, file)
    description = {
        "input": [config.fixed_batch or "batch", *images.shape[1:]],
        "preprocessing": preprocessing.as_dict(),
        "class_names": names,
        "source": str(pretrained.path),
        "largest_difference": difference,
    }
    beside = file.with_name(f"{file.name}.json")
    write_atomically(beside, json.dumps(description, indent=2).encode())
    console.print(f"{file}: logits equal to the network's within {difference:.1e}", highlight=False)
    return difference


def _class_names_of_data(config: ExportConfig, pretrained: Pretrained) -> list[str]:
    """Names for a file that does not say its classes: those of the configured data set.

    Raises:
        ConfigError: no data set is configured.
    """
    if config.data.root is None and config.data.name == "folder":
        raise ConfigError(
            f"data: {pretrained.path} does not say its classes, expected --data.name and "
            "--data.root of the data set it was trained on"
        )
    return list(assemble.build_splits(config, print).open("train").class_names)


def photographs(preprocessing: Preprocessing, count: int) -> np.ndarray:
    """Prepared views of the two photographs that scikit-learn carries, (count, 3, S, S)."""
    photos = np.stack(load_sample_images().images)
    source = ImageArrays(photos, np.zeros(2, np.int32), ("photograph",), "scikit-learn sample")
    view = EvalTransform(preprocessing)
    views = [view(source.load(i % 2).rotate(15 * (i // 2))) for i in range(count)]
    return normalise(np.stack(views), preprocessing.mean, preprocessing.std)


def _write_checked(network: nn.Cell, images: np.ndarray, config: ExportConfig, file: Path) -> float:
    """Export into a temporary folder, compare there, move into place only when equal."""
    chosen = FORMATS[config.file_format]
    run_folder.make_folder(file.parent)
    batches = [images] if config.fixed_batch is not None else [images, images[:1]]
    with _writing(file):
        folder = tempfile.TemporaryDirectory(dir=file.parent)
    with folder as scratch:
        written = Path(scratch) / f"model.{config.file_format.lower()}"
        with _writing(file):
            chosen.write(network, written, config.fixed_batch)
        difference = max(
            float(np.max(np.abs(chosen.run(written, batch) - _eager(network, batch))))
            for batch in batches
        )
        if not difference <= TOLERANCE:
            raise UserError(
                f"{file}: the file's logits differ from the network's by {difference:.1e}, "
                f"expected at most {TOLERANCE:.0e}; nothing was written"
            )
        with _writing(file):
            share(written)
            shutil.move(str(written), file)
    return difference


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    """Within, ``file`` or what becomes of it is written.

    Raises:
        CheckpointError: it cannot be.
    """
    try:
        yield
    except OSError as error:
        raise unwritable(file, error) from error


def _eager(network: nn.Cell, images: np.ndarray) -> np.ndarray:
    """Logits of the network run operator by operator, which shares no compiled graph."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    logits = network(Tensor(images)).asnumpy()
    ms.set_context(mode=ms.GRAPH_MODE)
    return logits
