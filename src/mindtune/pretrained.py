"""Weights that a run starts from or is judged with, whoever wrote the file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from mindtune import assemble
from mindtune.classifier import Classifier
from mindtune.config import RunConfig
from mindtune.engine.checkpoint import MODEL_PREFIX, STATE_KIND
from mindtune.errors import ConfigError
from mindtune.run_folder import weight_file
from mindtune.weights.load import load_weights
from mindtune.weights.readers import read_tensors
from mindtune.weights.weight_file import WeightFile


def load_for_training(network: Classifier, config: RunConfig) -> str:
    """Start from ``config.pretrained``; returns a line saying what was loaded.

    New by intention are the head, unless ``head.reset`` is off, and what the tunings added where
    the file has none of it; everything else must fit.

    Raises:
        WeightsError: the file cannot be read or does not fit.
        CheckpointError: there is no such file or run folder.
    """
    file = _read(weight_file(Path(str(config.pretrained))), config.pretrained_key)
    added = [
        p.name
        for group in network.backbone.layer_groups().values()
        for p in group
        if p.name.split(".")[-3:-2] == ["psrp"]
    ]
    new = [] if set(added) & set(file.tensors) else added
    head = ["head"] if config.head.reset else []
    return _load(network, file, new=[*new, *head], dropped=head).summary()


def load_for_evaluation(network: Classifier, path: Path, key: str | None = None) -> None:
    """Fill the whole network, head included, from ``path``.

    Raises:
        WeightsError: the file cannot be read, or anything is missing, unexpected or mis-shaped.
    """
    _load(network, _read(path, key))


def class_names_of(path: Path, config: RunConfig) -> list[str]:
    """Class names written into a MindTune file, else those of the configured data set.

    Raises:
        UserError: neither says them.
    """
    names = stored_class_names(path)
    if names:
        return names
    if config.data.root is None and config.data.name == "folder":
        raise ConfigError(
            f"data: {path} does not say its classes, expected --data.name and --data.root of the "
            "data set it was trained on"
        )
    return list(assemble.build_splits(config, print).open("train").class_names)


def stored_class_names(path: Path) -> list[str]:
    """Class names written into a MindTune file; empty for a file of another tool."""
    if path.suffix != ".safetensors":
        return []
    return list(_header(read_tensors(path)).get("class_names", []))


def _load(network: Classifier, file: WeightFile, **names: Any) -> Any:
    backbone = network.backbone
    return load_weights(
        network,
        file,
        num_prefix_tokens=backbone.num_prefix_tokens,
        grid=backbone.patch_embed.grid_size,
        **names,
    )


def _read(path: Path, key: str | None) -> WeightFile:
    """A file's tensors; of a training state only the network's."""
    file = read_tensors(path, key)
    if _header(file).get("kind") != STATE_KIND:
        return file
    tensors = {
        name[len(MODEL_PREFIX) :]: array
        for name, array in file.tensors.items()
        if name.startswith(MODEL_PREFIX)
    }
    return dataclasses.replace(file, tensors=tensors)


def _header(file: WeightFile) -> dict[str, Any]:
    return json.loads(file.metadata.get("mindtune", "{}"))
