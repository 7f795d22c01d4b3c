"""What a run with a tiny CLIP is given: a model folder, an auxiliary network, images."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import set_seed
from PIL import Image

from mindtune.backbones import create_backbone
from mindtune.config import (
    AmuConfig,
    AuxiliaryConfig,
    BackboneConfig,
    DataConfig,
    EvaluationConfig,
    RunConfig,
    TextConfig,
)
from mindtune.parameters import named_weights
from mindtune.weights.save import save_safetensors
from tiny_clip import OPENAI_VIT, write_tokenizer

CLASSES = ("cat", "hot_dog", "ox")


def write_model(folder: Path) -> Path:
    """A CLIP, its tokeniser and ``auxiliary.safetensors``; returns the CLIP's file."""
    write_tokenizer(folder)
    set_seed(3)
    network = create_backbone("resnet_test", 32)
    tensors = {name: p.asnumpy() for name, p in named_weights(network).items()}
    save_safetensors(folder / "auxiliary.safetensors", tensors, {})
    return Path(shutil.copy(OPENAI_VIT, folder))


def write_images(root: Path, counts: dict[str, int]) -> Path:
    """``root/<split>/<class>/<n>.png``: noise around a colour of the class."""
    rng = np.random.default_rng(5)
    for split, count in counts.items():
        for label, name in enumerate(CLASSES):
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 80, (36, 40, 3)) + 60 * np.eye(3, dtype=int)[label]
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    return root


def clip_config(folder: Path, **amu: Any) -> RunConfig:
    """A run on ``folder/images`` with the CLIP in ``folder/model``."""
    auxiliary = folder / "model" / "auxiliary.safetensors"
    options = {"shots": 2, "auxiliary": [AuxiliaryConfig("resnet_test", str(auxiliary))], **amu}
    return RunConfig(
        method="amu",
        pretrained=str(folder / "model" / OPENAI_VIT.name),
        backbone=BackboneConfig("vit_clip_test"),
        data=DataConfig("folder", str(folder / "images"), workers=1),
        text=TextConfig(templates=["a {}."]),
        evaluation=EvaluationConfig(batch_size=4),
        amu=AmuConfig(**options),
    )
