"""The recipes of Feature Distillation hold its authors' settings (specification, section 6)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from mindtune import cli
from mindtune.backbones import backbone_entry
from mindtune.config import RunConfig
from mindtune.preprocessing import CLIP_MEAN, IMAGENET_MEAN

FOLDER = Path(__file__).parents[2] / "configs" / "feature_distillation"
VIT, LARGE = "fd_vit_base_patch16_224", "fd_vit_large_patch14_224"
SWIN = "swinv2_base_patch4_window14_224"


class Distil(NamedTuple):
    teacher: str
    student: str
    epochs: int
    lr: tuple[float, float, float]  # peak, start of the warm-up, minimum
    drop_path: float
    smallest_crop: float
    teacher_mean: tuple[float, ...]


class Tune(NamedTuple):
    network: str
    epochs: int
    warmup: int
    lr: tuple[float, float]  # peak; warm-up start and minimum
    drop_path: float
    layer_decay: float
    batch: int


USUAL = (3e-4, 5e-7, 5e-6)
CLIP_B, CLIP_L = "vit_base_patch16_clip_224", "vit_large_patch14_clip_224"
DISTIL = {
    "clip_vit_base_100ep": Distil(CLIP_B, f"{VIT}_student", 100, USUAL, 0.1, 0.67, CLIP_MEAN),
    "clip_vit_base_300ep": Distil(CLIP_B, f"{VIT}_student", 300, USUAL, 0.2, 0.08, CLIP_MEAN),
    "clip_vit_large_300ep": Distil(CLIP_L, f"{LARGE}_student", 300, USUAL, 0.3, 0.08, CLIP_MEAN),
    "deit_vit_base_300ep": Distil(
        "vit_base_patch16_224", f"{VIT}_student", 300, USUAL, 0.3, 0.08, IMAGENET_MEAN
    ),
    "dino_vit_base_300ep": Distil(
        "vit_base_patch16_224_dino", f"{VIT}_student", 300, USUAL, 0.3, 0.08, IMAGENET_MEAN
    ),
    "esvit_swin_base_300ep": Distil(
        "swin_base_patch4_window14_224", SWIN, 300, (2e-4, 1e-6, 1e-5), 0.3, 0.08, IMAGENET_MEAN
    ),
}
TUNE = {
    "clip_vit_base_100ep": Tune(VIT, 100, 20, (1.25e-3, 2.5e-7), 0.1, 0.65, 128),
    "clip_vit_base_300ep": Tune(VIT, 100, 20, (1.25e-3, 2.5e-7), 0.3, 0.60, 128),
    "clip_vit_large_300ep": Tune(LARGE, 50, 5, (2.5e-4, 5e-7), 0.4, 0.75, 128),
    "deit_vit_base_300ep": Tune(VIT, 100, 20, (1.25e-3, 2.5e-7), 0.3, 0.65, 128),
    "dino_vit_base_300ep": Tune(VIT, 100, 20, (1.5e-3, 2.5e-7), 0.2, 0.60, 128),
    "esvit_swin_base_300ep": Tune(SWIN, 100, 20, (1.25e-3, 2.5e-7), 0.4, 0.80, 64),
}


def resolved(name: str) -> RunConfig:
    argv = ["--config", str(FOLDER / f"{name}.yaml")]
    return cli.parse(cli.make_parser(RunConfig, "train.py", ""), RunConfig, argv, {})


def test_every_row_has_its_recipe() -> None:
    rows = [*(f"{name}_distil" for name in DISTIL), *(f"{name}_tune" for name in TUNE)]
    assert sorted(rows) == sorted(p.stem for p in FOLDER.glob("*ep_*.yaml"))
    assert len(rows) == 12


def check_shared(config: RunConfig, network: str, batch: int) -> None:
    optim, schedule = config.optim, config.schedule
    assert (config.backbone.name, config.tuning.modes) == (network, ["full"])
    assert config.batch_size * config.accumulate == 16 * batch
    assert (optim.name, optim.lr_base_size, optim.weight_decay) == ("adamw", 512, 0.05)
    assert (tuple(optim.betas), optim.eps) == ((0.9, 0.999), 1e-8)
    assert optim.decay_bias_tables is ("vit" in network)
    assert (schedule.name, schedule.lag, schedule.cooldown_epochs) == ("cosine", 1, 0)
    assert (config.data.name, config.ema_decay) == ("imagenet", None)


@pytest.mark.parametrize("name", DISTIL)
def test_first_phase(name) -> None:
    row, config = DISTIL[name], resolved(f"{name}_distil")
    check_shared(config, row.student, 128)
    assert config.method == "feature_distillation"
    assert (config.teacher.name, config.teacher.tokens) == (row.teacher, "all")
    registered = backbone_entry(row.teacher).pretrained.preprocessing.mean
    assert tuple(config.teacher.mean or registered) == row.teacher_mean
    assert (config.epochs, config.schedule.warmup_epochs) == (row.epochs, 10)
    rates = (config.optim.lr, config.schedule.warmup_lr, config.schedule.min_lr)
    assert rates == row.lr
    assert (config.optim.clip_norm, config.optim.layer_decay) == (3.0, None)
    assert config.backbone.drop_path == row.drop_path
    augment = config.augment
    assert (tuple(augment.scale), augment.interpolation) == ((row.smallest_crop, 1.0), "bilinear")
    assert (augment.hflip, augment.rand_augment, augment.erasing) == (0.5, None, 0.0)
    assert config.distillation.beta == 2.0


@pytest.mark.parametrize("name", TUNE)
def test_second_phase(name) -> None:
    row, config = TUNE[name], resolved(f"{name}_tune")
    check_shared(config, row.network, row.batch)
    assert (config.epochs, config.schedule.warmup_epochs) == (row.epochs, row.warmup)
    assert (config.optim.lr, config.schedule.warmup_lr) == row.lr
    assert config.schedule.min_lr == config.schedule.warmup_lr
    assert (config.optim.clip_norm, config.optim.layer_decay) == (5.0, row.layer_decay)
    assert config.optim.layer_decay_floor == "authors"
    assert config.backbone.drop_path == row.drop_path
    assert config.head.linear.init_scale == (0.001 if "vit" in row.network else 1.0)
    augment = config.augment
    assert (tuple(augment.scale), augment.interpolation) == ((0.08, 1.0), "bicubic")
    assert (augment.rand_augment, augment.erasing) == ("rand-m9-mstd0.5-inc1", 0.25)
    assert (augment.mixup, augment.cutmix, augment.label_smoothing) == (0.8, 1.0, 0.1)
