"""The recipes of parameter-efficient tuning hold their authors' settings (specification, 6.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mindtune import cli
from mindtune.config import RunConfig
from mindtune.config.checks import check_config
from mindtune.engine.plan import StepPlan
from mindtune.run.run_plan import build_plan, scheduled_rates

FOLDER = Path(__file__).parents[2] / "configs" / "peft"
OWN_VAL = {"dtd", "flowers102"}
BACKBONES = {
    "b16_dino": "vit_base_patch16_224_dino",
    "s16_dino": "vit_small_patch16_224_dino",
    "b16_in21k": "vit_base_patch16_224",
    "b16_in1k": "vit_base_patch16_224",
    "l16_in1k": "vit_large_patch16_224",
    "h14_in21k": "vit_huge_patch14_224",
}


class Row(NamedTuple):
    """What differs between the authors' files: rate, updates, updates a round, warm-up."""

    lr: float
    steps: int = 10_000
    every: int = 500
    warmup: int = 500
    options: dict[str, Any] | None = None


def lora(rank: int, alpha: int, bias: str = "none") -> dict[str, Any]:
    return {"targets": ["q", "v"], "rank": rank, "alpha": alpha, "dropout": 0.0, "bias": bias}


LINEAR = Row(0.005, every=250, warmup=100)
SHORT_LINEAR = {"steps": 2000, "every": 250, "warmup": 100}
SPLIT_4 = Row(0.005, options={"split": 4})
ROWS = {  # backbone, data, tuning and its variant: settings
    "b16_dino cifar100 full": Row(0.005),
    "b16_dino cifar10 full": Row(0.005),
    "b16_dino dtd full": Row(0.005),
    "s16_dino cifar100 full": Row(0.005),
    "b16_in21k cifar10 full": Row(0.01, steps=5000),
    "b16_in21k food101 full": Row(0.03, steps=5000),
    "b16_in21k flowers102 full": Row(0.03, 1000, 100, 100),
    "b16_in21k oxford_pets full": Row(0.01, 2000, 200, 200),
    "b16_dino cifar100 linear": LINEAR,
    "b16_dino cifar10 linear": LINEAR,
    "b16_dino dtd linear": LINEAR,
    "s16_dino cifar100 linear": LINEAR,
    "b16_dino cifar100 linear_short": Row(1.0, **SHORT_LINEAR),
    "b16_in21k flowers102 linear": Row(1.0, **SHORT_LINEAR),
    "b16_in21k oxford_pets linear": Row(0.5, **SHORT_LINEAR),
    "b16_dino cifar100 lora_r4": Row(0.05, options=lora(4, 4)),
    "b16_dino cifar100 lora_r8": Row(0.005, options=lora(8, 8)),
    "b16_dino cifar100 lora_r16": Row(0.05, options=lora(16, 16)),
    "b16_dino cifar10 lora_r8": Row(0.005, options=lora(8, 8)),
    "b16_dino dtd lora_r8": Row(0.005, options=lora(8, 8)),
    "s16_dino cifar100 lora_r8": Row(0.005, options=lora(8, 8)),
    "b16_in21k oxford_pets lora_r1": Row(0.05, 3000, 250, 100, lora(1, 16)),
    "b16_in21k oxford_pets lora_r1_bias": Row(0.05, 3000, 250, 300, lora(1, 16, "all")),
    "b16_dino cifar100 block_p1": Row(0.005, options={"split": 11}),
    "b16_dino cifar100 block_p2": Row(0.005, options={"split": 6}),
    "b16_dino cifar100 block_p3": SPLIT_4,
    "b16_dino cifar100 block_p4": Row(0.005, options={"split": 3}),
    "b16_dino cifar10 block_p3": SPLIT_4,
    "b16_dino dtd block_p3": SPLIT_4,
    "s16_dino cifar100 block_p3": SPLIT_4,
    "b16_in1k cifar100 block_p4": Row(0.05, options={"split": 3}),
    "b16_in21k cifar100 block_p4": Row(0.05, options={"split": 3}),
    "l16_in1k cifar100 block_p4": Row(0.05, options={"split": 6}),
    "h14_in21k cifar100 block_p4": Row(0.05, options={"split": 8}),
    "b16_dino cifar100 top3": Row(0.005, options={"num_blocks": 3}),
}
MODES = {"block": "block_expansion", "top3": "top_k"}


def resolved(name: str) -> RunConfig:
    """What train.py makes of the recipe of a row."""
    recipe = FOLDER / f"vit_{'_'.join(name.split())}.yaml"
    parser = cli.make_parser(RunConfig, "train.py", "")
    config = cli.parse(parser, RunConfig, ["--config", str(recipe)], {})
    check_config(config)
    return config


def test_every_row_has_its_recipe() -> None:
    names = {f"vit_{'_'.join(name.split())}" for name in ROWS}
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {*names, "vit_mini_cifar10"}


@pytest.mark.parametrize("name", ROWS)
def test_settings(name: str) -> None:
    row, config = ROWS[name], resolved(name)
    backbone, data, tuning = name.split()
    mode = tuning.split("_")[0]
    mode = MODES.get(mode, mode)
    assert (config.backbone.name, config.data.name) == (BACKBONES[backbone], data)
    assert (config.tuning.modes, config.head.name) == ([mode], "linear")
    if row.options is not None:
        options = vars(getattr(config.tuning, mode))
        assert {key: options[key] for key in row.options} == row.options
    assert (config.steps, config.evaluation.every_steps) == (row.steps, row.every)
    assert (config.batch_size, config.accumulate) == (128, 1)
    optim, schedule = config.optim, config.schedule
    assert (optim.name, optim.lr, optim.momentum, optim.weight_decay) == ("sgd", row.lr, 0.9, 0.0)
    assert optim.clip_norm is None
    assert (schedule.name, schedule.warmup_steps) == ("cosine", row.warmup)
    assert (schedule.warmup_lr, schedule.min_lr) == (0.0, 0.0)
    assert config.evaluation.selection == ("val" if data in OWN_VAL else "test")
    images, augment = config.preprocessing, config.augment
    assert (tuple(images.mean), tuple(images.std)) == ((0.5,) * 3, (0.5,) * 3)
    assert (images.resize, images.interpolation) == ("square", "bilinear")
    assert (tuple(augment.scale), augment.hflip, augment.interpolation) == (
        (0.08, 1.0),
        0.5,
        "bilinear",
    )
    assert (augment.mixup, augment.cutmix, augment.label_smoothing, augment.erasing) == (0,) * 4
    assert augment.rand_augment is None


def test_plan_and_rates_of_the_authors() -> None:
    config = resolved("b16_dino cifar100 full")
    plan = build_plan(config, 390, 50_000, 128)
    assert plan == StepPlan(10_000, 500, 50_000, 128)
    rates = scheduled_rates(config, plan, 1.0)
    golden = {0: 0, 1: 1e-5, 250: 2.5e-3, 500: 5e-3, 5250: 2.5e-3, 9999: 1.3670e-10}
    assert {step: rates[step] for step in golden} == pytest.approx(golden, rel=1e-4)
