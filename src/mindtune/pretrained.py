"""Weights that a run starts from or is judged with, and what their file says of itself."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindspore import nn

from mindtune.backbones import CLIP
from mindtune.config import (
    BackboneConfig,
    PreprocessingConfig,
    RunConfig,
    TuningConfig,
    from_plain,
)
from mindtune.engine.checkpoint import ENGINE_PREFIX, MODEL_PREFIX, STATE_KIND
from mindtune.errors import DataError, WeightsError
from mindtune.networks.classifier import Classifier
from mindtune.networks.student import Student
from mindtune.parameters import named_weights
from mindtune.run.run_folder import weight_file
from mindtune.tuning.block_expansion import fill_new_blocks, for_expanded, new_block_names
from mindtune.weights.clip_config import check_quick_gelu
from mindtune.weights.fit import covered
from mindtune.weights.load import LoadReport, load_weights
from mindtune.weights.low_rank import SLOT
from mindtune.weights.names import to_timm
from mindtune.weights.readers import read_tensors
from mindtune.weights.weight_file import WeightFile

EMA_KEY = "ema"
_EMA_PREFIX = f"{ENGINE_PREFIX}ema."
_OF_TEXTS = "token_embedding.weight"
_SLOTS = ("psrp", SLOT)  # where tunings put parameters of their own


@dataclass(frozen=True)
class Pretrained:
    """A weight file; where this package wrote it, ``header`` holds the run's configuration.

    Attributes:
        file: the network's tensors under the file's names.
        header: configuration, preprocessing and class names; empty for files of other tools.
    """

    file: WeightFile
    header: dict[str, Any]

    @property
    def path(self) -> Path:
        """The file itself, also where a run folder was given."""
        return self.file.path

    @property
    def class_names(self) -> list[str]:
        """Names in label order; empty where the file does not say them."""
        return list(self.header.get("class_names", []))

    @property
    def backbone_name(self) -> str | None:
        """The backbone of the run that wrote the file; None where the file does not say it."""
        return self.header.get("config", {}).get("backbone", {}).get("name")

    @property
    def preprocessing(self) -> dict[str, Any]:
        """How images were prepared, input size left out; empty where the file does not say it."""
        stored = dict(self.header.get("preprocessing", {}))
        stored.pop("input_size", None)
        return stored

    def check_classes(self, names: tuple[str, ...]) -> None:
        """Refuse data of other classes, or in another order, than the file was trained on.

        Raises:
            DataError: naming the first difference.
        """
        trained = self.class_names
        if not trained or trained == list(names):
            return
        if len(trained) != len(names):
            difference = f"{len(trained)} classes, got data of {len(names)}"
        else:
            label = next(i for i, pair in enumerate(zip(trained, names)) if pair[0] != pair[1])
            difference = f"class {label} {trained[label]!r}, got data with {names[label]!r} there"
        raise DataError(
            f"weights {self.path}: were trained with {difference}; evaluate on the data set and "
            "classes of their training (--data.name, --data.root, --data.classes)"
        )


def read_pretrained(given: str, key: str | None = None) -> Pretrained:
    """Open a weight file of any tool, or the best weights of a run folder.

    Args:
        given: a file, a run folder, or a Hugging Face folder.
        key: which network of a training checkpoint; of our own training states, ``ema`` takes the
            averaged weights.

    Raises:
        CheckpointError: no such file or run folder.
        WeightsError: the file cannot be read or has no such key.
    """
    path = weight_file(Path(given))
    averaged = key == EMA_KEY and path.suffix == ".safetensors"
    file = read_tensors(path, None if averaged else key)
    header = json.loads(file.metadata.get("mindtune", "{}"))
    if header.get("kind") == STATE_KIND:
        return Pretrained(_network_of_state(file, averaged), header)
    if averaged:
        raise WeightsError(
            f"weights {path}: --pretrained_key ema asks for the averaged weights of a training "
            "state (last.safetensors), this file holds one set; leave the option out"
        )
    return Pretrained(file, header)


def load_for_training(
    network: Classifier, pretrained: Pretrained, reset_head: bool, position_resize: str = "bicubic"
) -> LoadReport:
    """Start from ``pretrained``.

    New by intention are the head, if ``reset_head``, and what the tunings added where the file has
    none of it; everything else must fit. Blocks of Block Expansion become copies of the loaded ones
    unless the file is of an expanded network.

    Raises:
        WeightsError: the file does not fit.
    """
    backbone = network.backbone
    expanded = new_block_names(backbone)
    new = [*_added_by_tunings(network, pretrained), *expanded]
    names: dict[str, Any] = {"new": new, "rename": for_expanded(backbone)}
    if reset_head:
        head = [f"head.{name}" for name in named_weights(network.head)]
        names = {**names, "new": [*new, *head], "dropped": ["head"]}
    report = _load(network, pretrained, position_resize, **names)
    if any(covered(name, expanded) for name in report.new):
        fill_new_blocks(backbone)
    return report


def _added_by_tunings(network: Classifier, pretrained: Pretrained) -> list[str]:
    """Parameters put into the backbone by tunings of which the file has none."""
    names = list(named_weights(network.backbone))
    new: list[str] = []
    for slot in _SLOTS:
        added = [name for name in names if name.split(".")[-3:-2] == [slot]]
        new += [] if set(added) & set(pretrained.file.tensors) else added
    return new


def config_as_trained(
    config: RunConfig, pretrained: Pretrained | None, name: str, image_size: int
) -> RunConfig:
    """What ``assemble.build_backbone`` makes a frozen network from that stands beside a run's own.

    It has the tunings of the run that wrote ``pretrained``, whose weights want them; none where
    another tool did, or where weights are random. Preprocessing is left to the weights.
    """
    trained = {} if pretrained is None else pretrained.header.get("config", {})
    return dataclasses.replace(
        config,
        backbone=BackboneConfig(name, image_size),
        tuning=from_plain(TuningConfig, trained.get("tuning", {})),
        preprocessing=PreprocessingConfig(),
    )


def load_student(
    network: Student, pretrained: Pretrained, position_resize: str = "bicubic"
) -> LoadReport:
    """Start a student from ``pretrained``, which may have a projector but no other head.

    Raises:
        WeightsError: the file does not fit.
    """
    projector = [f"projector.{name}" for name in named_weights(network.projector)]
    return _load(network, pretrained, position_resize, new=projector, dropped=["head"])


def load_teacher(
    backbone: nn.Cell, pretrained: Pretrained, position_resize: str = "bicubic"
) -> LoadReport:
    """Fill a backbone alone; heads of the file are left out.

    Raises:
        WeightsError: the file does not fit.
    """
    return load_weights(
        backbone,
        pretrained.file,
        dropped=["head"],
        num_prefix_tokens=backbone.num_prefix_tokens,
        grid=getattr(backbone, "grid_size", None),
        position_resize=position_resize,
    )


def load_for_evaluation(
    network: Classifier | Student, pretrained: Pretrained, position_resize: str = "bicubic"
) -> LoadReport:
    """Fill the whole network, head included.

    Raises:
        WeightsError: anything is missing, unexpected or mis-shaped.
    """
    return _load(network, pretrained, position_resize)


def load_backbone(
    network: Classifier, pretrained: Pretrained, position_resize: str = "bicubic"
) -> LoadReport:
    """Fill the whole backbone, with what tunings added to it; the head stays as it is.

    Raises:
        WeightsError: anything of the backbone is missing, unexpected or mis-shaped.
    """
    head = [f"head.{name}" for name in named_weights(network.head)]
    return _load(network, pretrained, position_resize, new=head, dropped=["head"])


def load_clip(
    network: CLIP, pretrained: Pretrained, position_resize: str = "bicubic"
) -> LoadReport:
    """Fill both towers.

    Raises:
        WeightsError: the file has no texts, is of another activation, or does not fit.
    """
    check_quick_gelu(pretrained.path)
    if _OF_TEXTS not in to_timm(pretrained.file.tensors).tensors:
        raise WeightsError(
            f"weights {pretrained.path}: hold no text tower, expected both towers of a CLIP in one "
            "file; timm's files and runs of train.py have the image tower alone: give the original"
        )
    return load_weights(
        network,
        pretrained.file,
        grid=network.visual.grid_size,
        position_resize=position_resize,
    )


def _load(
    network: Classifier | Student, pretrained: Pretrained, position_resize: str, **names: Any
) -> LoadReport:
    backbone = network.backbone
    return load_weights(
        network,
        pretrained.file,
        num_prefix_tokens=backbone.num_prefix_tokens,
        grid=getattr(backbone, "grid_size", None),
        position_resize=position_resize,
        **names,
    )


def _network_of_state(file: WeightFile, averaged: bool) -> WeightFile:
    """The network in a training state, what trains replaced by its average if ``averaged``."""
    stored = {
        name[len(MODEL_PREFIX) :]: array
        for name, array in file.tensors.items()
        if name.startswith(MODEL_PREFIX)
    }
    averages = {
        name[len(_EMA_PREFIX) :]: array
        for name, array in file.tensors.items()
        if name.startswith(_EMA_PREFIX) and name[len(_EMA_PREFIX) :] in stored
    }
    if averaged and not averages:
        raise WeightsError(
            f"weights {file.path}: --pretrained_key ema: this run kept no average (ema_decay); "
            "leave the option out"
        )
    chosen = {**stored, **averages} if averaged else stored
    return dataclasses.replace(file, tensors=chosen, key=EMA_KEY if averaged else file.key)
