"""What a run, a weight file or an exported network says of single images."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import Tensor
from PIL import Image
from scipy.special import softmax

from mindtune.config import RunConfig, from_plain
from mindtune.data.normalise import normalise
from mindtune.data.source import read_image
from mindtune.data.transforms import EvalTransform
from mindtune.engine.device import use_device
from mindtune.errors import ConfigError, DataError, WeightsError
from mindtune.mindir import open_mindir
from mindtune.onnx_graph.run import open_onnx
from mindtune.preprocessing import Preprocessing
from mindtune.pretrained import Pretrained, read_pretrained
from mindtune.trained_network import trained_network

_EXPORTED = {".mindir": open_mindir, ".onnx": open_onnx}

Answer = tuple[str, float]  # a class and its probability


@dataclass(frozen=True)
class Predictor:
    """A classifier that is ready to answer.

    Attributes:
        logits: normalised images (B, 3, S, S) -> (B, K).
        class_names: K of them.
        batch: images that it takes at once.
    """

    logits: Callable[[np.ndarray], np.ndarray]
    preprocessing: Preprocessing
    class_names: tuple[str, ...]
    batch: int = 1

    def top(self, image: Image.Image, count: int) -> list[Answer]:
        """The ``count`` likeliest classes of an RGB image, likeliest first; at most all."""
        pixels = EvalTransform(self.preprocessing)(image)[None]
        images = normalise(pixels, self.preprocessing.mean, self.preprocessing.std)
        logits = self.logits(images.repeat(self.batch, axis=0))[0]
        shares = softmax(logits.astype(np.float64))
        if len(shares) != len(self.class_names):
            raise DataError(
                f"class names: got {len(self.class_names)}, expected {len(shares)}, as many as the "
                "network has logits"
            )
        order = np.argsort(-shares, kind="stable")[:count]
        return [(self.class_names[label], float(shares[label])) for label in order]


def predict(
    images: Sequence[Path], predictor: Callable[[], Predictor], count: int
) -> list[list[Answer]]:
    """The likeliest classes of every image; all images are read before ``predictor`` is made.

    Raises:
        UserError: an image or the weights cannot be read, or do not fit.
    """
    if count < 1:
        raise ConfigError(f"top: got {count}, expected at least 1")
    opened = [_open_image(image) for image in images]
    ready = predictor()
    return [ready.top(image, count) for image in opened]


def open_predictor(
    given: str,
    key: str | None = None,
    backbone: str | None = None,
    names_file: Path | None = None,
) -> Predictor:
    """From a run folder, a weight file, or a ``.mindir`` or ``.onnx`` that export wrote.

    Args:
        given: its path.
        key: which network of a training checkpoint.
        backbone: of a weight file that does not say its own.
        names_file: a class name a line, in label order; None: what the weights say.

    Raises:
        UserError: it cannot be read, or does not say its classes.
    """
    names = None if names_file is None else _read_names(names_file)
    if Path(given).suffix in _EXPORTED:
        return _exported(Path(given), names)
    return _trained(read_pretrained(given, key), backbone, names)


def _exported(file: Path, names: list[str] | None) -> Predictor:
    if not file.is_file():
        raise WeightsError(f"weights {file}: no such file; check the path")
    use_device("CPU", 0)
    beside = file.with_name(f"{file.name}.json")
    try:
        about = json.loads(beside.read_text(encoding="utf-8"))
        preprocessing = Preprocessing().updated(about["preprocessing"])
        names = names or about["class_names"]
        batch = about["input"][0]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"weights {file}: class names and preprocessing are read from {beside.name} beside it, "
            f"which cannot be ({error}); export again, or copy it there too"
        ) from error
    logits = _EXPORTED[file.suffix](file)
    return Predictor(logits, preprocessing, tuple(names), batch if isinstance(batch, int) else 1)


def _trained(pretrained: Pretrained, backbone: str | None, names: list[str] | None) -> Predictor:
    config = _config_of(pretrained, backbone)
    names = names or pretrained.class_names
    if not names:
        raise WeightsError(
            f"weights {pretrained.path}: do not say their classes, expected a run of train.py or "
            "--class_names FILE, a name a line in the order of the labels"
        )
    use_device("CPU", config.seed)  # of which frozen networks of random weights are
    network = trained_network(config, pretrained, len(names), _keep_quiet)
    network.set_train(False)

    def logits(images: np.ndarray) -> np.ndarray:
        return network(Tensor(images)).asnumpy()

    return Predictor(logits, network.preprocessing, tuple(names))


def _keep_quiet(line: str) -> None:
    """Answers stand alone on the terminal."""


def _config_of(pretrained: Pretrained, backbone: str | None) -> RunConfig:
    stored: dict[str, Any] = pretrained.header.get("config", {})
    if not stored and backbone is None:
        raise ConfigError(
            f"backbone: {pretrained.path} does not say its own, expected --backbone NAME; "
            "mindtune weights FILE lists those that it fits"
        )
    config = from_plain(RunConfig, stored)
    name = backbone or config.backbone.name
    return replace(config, backbone=replace(config.backbone, name=name))


def _read_names(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"class_names {file}: cannot be read ({error}); give a text file, a name a line"
        ) from error
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise DataError(f"class_names {file}: got no name, expected a name a line")
    return names


def _open_image(path: Path) -> Image.Image:
    if path.is_dir():
        raise DataError(f"image {path}: got a folder, expected images; give them as {path}/*")
    if not path.is_file():
        raise DataError(f"image {path}: no such file; check the path")
    try:
        return read_image(path, str(path))
    except DataError as error:
        raise DataError(
            f"image {path}: cannot be decoded ({error.__cause__}); give a JPEG, a PNG or another "
            "file that Pillow reads"
        ) from error
