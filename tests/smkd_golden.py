"""The SMKD authors' small networks, crops and losses (tests/data/golden)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mindspore import Tensor

from mindtune.backbones import MaskedViT, MultiCropViT, ViTArchitecture
from mindtune.heads.projection import ProjectionHead
from mindtune.networks.student_teacher import Projected, StudentTeacher
from mindtune.parameters import weights_of
from mindtune.preprocessing import Preprocessing

_FOLDER = Path(__file__).parent / "data" / "golden"
NETWORKS = np.load(_FOLDER / "smkd_backbones.npz")
LOSSES = np.load(_FOLDER / "smkd_losses.npz")
ARCH = ViTArchitecture(8, 32, 2, 4)
TEMPERATURE = 0.055


def network() -> StudentTeacher:
    sizes = Preprocessing(32), 0.0, (16,)
    student = Projected(MaskedViT(ARCH, *sizes), ProjectionHead(32, 24, 48, 16))
    teacher = Projected(MultiCropViT(ARCH, *sizes), ProjectionHead(32, 24, 48, 16))
    pair = StudentTeacher(student, teacher)
    for parameter in weights_of(pair):
        who, _, name = parameter.name.partition(".")
        key = f"{who}/param/{name}"
        value = LOSSES[key] if key in LOSSES.files else NETWORKS[key]
        assert value.shape == parameter.shape
        parameter.set_data(Tensor(value))
    return pair


def masks() -> np.ndarray:
    return np.concatenate([NETWORKS["in/mask0"], NETWORKS["in/mask1"]]).reshape(12, 16)


def masked_rows() -> tuple[np.ndarray, np.ndarray]:
    """Rows of the masked patches and their weights, two idle entries behind them."""
    mask = masks()
    rows = np.flatnonzero(mask)
    weights = 1.0 / (len(mask) * mask.sum(1)[rows // 16])
    return np.pad(rows, (0, 2)).astype(np.int32), np.pad(weights, (0, 2)).astype(np.float32)


def crops() -> tuple[Tensor, tuple[Tensor, ...]]:
    """Global crops, and what the loader gives with them before and after the labels."""
    images = np.concatenate([NETWORKS["in/global0"], NETWORKS["in/global1"]])
    local = np.concatenate([NETWORKS[f"in/local{i}"] for i in range(3)])
    rows = (Tensor(column) for column in masked_rows())
    return (Tensor(images), Tensor(masks()), *rows), (Tensor(local),)
