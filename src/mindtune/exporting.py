"""Export to MINDIR, trusted only after the written file gave the network's own logits."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn
from rich.console import Console
from sklearn.datasets import load_sample_images

from mindtune import assemble, run_folder
from mindtune.config import ExportConfig, check_ranges
from mindtune.data.normalise import normalise
from mindtune.data.source import ImageArrays
from mindtune.data.transforms import EvalTransform
from mindtune.engine.checkpoint import read_header
from mindtune.engine.device import use_device
from mindtune.errors import ConfigError, UserError
from mindtune.files import write_atomically
from mindtune.preprocessing import Preprocessing
from mindtune.pretrained import class_names_of, load_for_evaluation

TOLERANCE = 1e-4


def export(config: ExportConfig, file: Path, console: Console | None = None) -> float:
    """Write the weights ``config.pretrained`` to ``file``, and their description beside it.

    The file takes normalised images float32 (B, 3, S, S) and gives logits (B, K); the ``.json``
    beside it says how to prepare images and what the classes are called.

    Returns:
        The largest difference between the file's logits and the network's on real photographs.

    Raises:
        UserError: the format cannot hold the network, or the file's logits differ by more than
            1e-4; no file is left then.
    """
    console = console or Console(soft_wrap=True)
    check_ranges(config)
    if config.pretrained is None:
        raise ConfigError("pretrained: got nothing, expected --pretrained RUN_FOLDER or FILE")
    if config.file_format == "ONNX":
        raise ConfigError(
            "file_format: got ONNX, which MindSpore cannot write for this network: its exporter "
            "has no converter for Erf (the exact GELU) and refuses a dynamic batch; "
            "use --file_format MINDIR"
        )
    if config.fixed_batch is not None and config.fixed_batch < 1:
        raise ConfigError(f"fixed_batch: got {config.fixed_batch}, expected at least 1")
    use_device(config.device_target, config.seed)
    weights = run_folder.weight_file(Path(config.pretrained))
    names = class_names_of(weights, config)
    network = assemble.build_classifier(config, len(names))
    load_for_evaluation(network, weights, config.pretrained_key)
    network.set_train(False)

    preprocessing = network.backbone.preprocessing
    images = photographs(preprocessing, config.fixed_batch or 4)
    difference = _write_checked(network, images, config.fixed_batch is None, file)
    description = {
        "input": ["batch" if config.fixed_batch is None else config.fixed_batch, *images.shape[1:]],
        "preprocessing": preprocessing.as_dict(),
        "class_names": names,
        "source": str(weights),
        "trained": read_header(weights).get("position")
        if weights.suffix == ".safetensors"
        else None,
        "largest_difference": difference,
    }
    write_atomically(file.with_suffix(".json"), json.dumps(description, indent=2).encode())
    console.print(f"{file}: logits equal to the network's within {difference:.1e}", highlight=False)
    return difference


def photographs(preprocessing: Preprocessing, count: int) -> np.ndarray:
    """``count`` prepared views of the two photographs that scikit-learn carries, (count, 3, S, S)."""
    photos = np.stack(load_sample_images().images)
    source = ImageArrays(photos, np.zeros(2, np.int32), ("photograph",), "scikit-learn sample")
    view = EvalTransform(preprocessing)
    views = [view(source.load(i % 2).rotate(15 * (i // 2))) for i in range(count)]
    return normalise(np.stack(views), preprocessing.mean, preprocessing.std)


def _write_checked(network: nn.Cell, images: np.ndarray, any_batch: bool, file: Path) -> float:
    """Export into a temporary folder, compare there, move into place only when equal."""
    batch = Tensor(images)
    declared = Tensor(shape=[None, *images.shape[1:]], dtype=ms.float32) if any_batch else batch
    run_folder.make_folder(file.parent)
    with tempfile.TemporaryDirectory(dir=file.parent) as scratch:
        written = Path(scratch) / "model.mindir"
        ms.export(network, declared, file_name=str(written.with_suffix("")), file_format="MINDIR")
        loaded = nn.GraphCell(ms.load(str(written)))
        difference = _largest_difference(network, loaded, batch)
        if any_batch:
            difference = max(difference, _largest_difference(network, loaded, batch[:1]))
        if not difference <= TOLERANCE:
            raise UserError(
                f"{file}: the exported graph's logits differ from the network's by {difference:.1e}, "
                f"expected at most {TOLERANCE:.0e}; nothing was written"
            )
        shutil.move(str(written), file)
    return difference


def _largest_difference(network: nn.Cell, loaded: nn.GraphCell, images: Tensor) -> float:
    """Compare with the network run operator by operator, which shares no compiled graph."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    eager = network(images).asnumpy()
    ms.set_context(mode=ms.GRAPH_MODE)
    return float(np.max(np.abs(loaded(images).asnumpy() - eager)))
