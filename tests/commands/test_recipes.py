"""Every recipe under configs/: it runs, its header is true, published settings are the authors'."""

from __future__ import annotations

import json
import math
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml

import mindtune
from mindtune import cli
from mindtune.config import RunConfig, flatten
from mindtune.data.datasets import dataset_spec
from mindtune.engine.schedules import learning_rates

ROOT = Path(__file__).parents[2]
RECIPES = [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("configs/**/*.yaml"))]
SMOKE = Path(mindtune.__file__).with_name("smoke.yaml")


def keys_of(recipe: str | Path) -> dict[str, Any]:
    return flatten(yaml.safe_load((ROOT / recipe).read_text()))


def method_keys(recipe: str) -> set[str]:
    """What --smoke sets besides for the method of a recipe."""
    own = SMOKE.with_name(f"smoke_{keys_of(recipe).get('method')}.yaml")
    return set(keys_of(own)) if own.is_file() else set()


def resolved(*argv: str) -> RunConfig:
    """What train.py makes of a command line."""
    return cli.parse(cli.make_parser(RunConfig, "train.py", ""), RunConfig, argv, {})


def header_of(recipe: str) -> str:
    """The comment above the keys, without its marks."""
    lines = (ROOT / recipe).read_text().splitlines()
    first_key = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    return "\n".join(line[1:].strip() for line in lines[:first_key])


def command_of(recipe: str) -> list[str]:
    """The words of the header's command, which may go on after a backslash."""
    found = re.search(r"^Command: ((?:.*\\\n)*.*)$", header_of(recipe), re.MULTILINE)
    assert found is not None, "no line 'Command:'"
    return shlex.split(found.group(1).replace("\\\n", " "))


@pytest.mark.parametrize("recipe", RECIPES)
def test_smoke_run(recipe, command, tmp_path) -> None:
    outcome = command("train", "--config", ROOT / recipe, "--smoke", "--out", tmp_path / "run")
    assert outcome.code == 0, outcome.err

    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["updates"] == 3 * 3
    assert result["metrics"]["images"] == 359  # the digits' test split
    ran, shrunk = flatten(result["config"]), keys_of(SMOKE).keys() | method_keys(recipe)
    kept = {key: value for key, value in keys_of(recipe).items() if key not in shrunk}
    assert {key: ran[key] for key in kept} == kept
    assert kept.keys() >= {"tuning.modes", "optim.lr"}
    assert ("head.name" in kept) != ("method" in kept)


def test_smoke_run_of_a_header_s_own_command(tmp_path) -> None:
    python, *words = command_of("configs/quickstart/pretrain.yaml")
    assert python == "python"
    done = subprocess.run(
        [sys.executable, *words, "--smoke", "--out", str(tmp_path / "run")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "run" / "result.json").is_file()


@pytest.mark.parametrize("recipe", RECIPES)
def test_header_gives_command_paper_and_own_number(recipe) -> None:
    python, script, *options = command_of(recipe)
    assert (python, script) == ("python", "train.py")
    assert cli.option_value(options, "--config") == recipe
    own_path = options.index(recipe)
    options[own_path] = str(ROOT / recipe)
    resolved(*options)  # every option of the command exists

    marks = [line.split(":")[0] for line in header_of(recipe).splitlines() if ": " in line]
    assert [marks.count(mark) for mark in ("Command", "Paper", "Ours")] == [1, 1, 1]
    ours = header_of(recipe).split("Ours: ")[1]
    assert ours.startswith(("not yet run", "docs/results.md")) or re.match(r"\d\d\.\d", ours)


class Row(NamedTuple):
    """A line of the table of the authors' scripts (moment probing spec, 4.2)."""

    data: str
    classes: int
    batch: int
    epochs: int
    warmup: int
    lr: float
    drop_path: float
    ema: float | None
    full_augmentation: bool


ROWS = {  # start of the recipe's name: settings shared by MP and MP+
    "moment_probing/vit_b16_imagenet": Row("imagenet", 1000, 64, 30, 5, 1e-4, 0.1, 0.99992, True),
    "moment_probing/vit_b16_cub200": Row("cub200", 200, 16, 100, 10, 1e-4, 0, None, False),
    "moment_probing/vit_b16_nabirds": Row("nabirds", 555, 16, 100, 10, 1e-4, 0.05, None, False),
    "moment_probing/vit_b16_flowers102": Row("flowers102", 102, 16, 100, 10, 1e-2, 0, None, False),
    "moment_probing/vit_b16_stanford_cars": Row(
        "stanford_cars", 196, 16, 100, 10, 2e-4, 0, None, False
    ),
    "moment_probing/vit_b16_stanford_dogs": Row(
        "stanford_dogs", 120, 16, 100, 10, 2.5e-4, 0, 0.9998, False
    ),
    "moment_probing/vit_b16_cifar100": Row("cifar100", 100, 64, 100, 10, 1e-3, 0, 0.99992, True),
}
LINEAR_PROBE = Row("imagenet", 1000, 64, 30, 0, 1e-4, 0.1, 0.99992, True)
FULL = Row("imagenet", 1000, 64, 30, 5, 1e-4, 0.2, 0.99992, True)
PUBLISHED = {  # recipe: (settings, tuning, head)
    **{f"configs/{name}_mp.yaml": (row, "linear", "moment") for name, row in ROWS.items()},
    **{f"configs/{name}_mp_plus.yaml": (row, "psrp", "moment") for name, row in ROWS.items()},
    "configs/linear_probe/vit_b16_imagenet.yaml": (LINEAR_PROBE, "linear", "linear"),
    "configs/full/vit_b16_imagenet.yaml": (FULL, "full", "linear"),
}


def test_every_published_row_has_its_recipe() -> None:
    of_the_paper = [r for r in RECIPES if "vit_b16" in r and not r.startswith("configs/peft/")]
    assert sorted(PUBLISHED) == of_the_paper


@pytest.mark.parametrize("recipe", PUBLISHED)
def test_published_settings(recipe) -> None:
    row, tuning, head = PUBLISHED[recipe]
    config = resolved("--config", str(ROOT / recipe))
    assert (config.tuning.modes, config.head.name) == ([tuning], head)
    if tuning == "psrp":
        assert (config.tuning.psrp.init, config.tuning.psrp.width) == ("authors", 16)
    assert config.backbone.name == "vit_base_patch16_224"
    assert config.backbone.drop_path == row.drop_path
    assert config.data.name == row.data
    assert dataset_spec(row.data).num_classes == row.classes
    assert config.batch_size == row.batch
    assert config.batch_size * config.accumulate == 4 * row.batch  # the authors' four GPUs
    assert config.ema_decay == row.ema
    assert config.evaluation.selection == ("val" if row.data == "imagenet" else "test")
    optim, augment = config.optim, config.augment
    assert (optim.name, optim.lr, optim.weight_decay, optim.eps) == ("adamw", row.lr, 0.05, 1e-8)
    assert (tuple(optim.betas), optim.clip_norm) == ((0.9, 0.999), None)
    assert augment.rand_augment == ("rand-m9-mstd0.5-inc1" if row.full_augmentation else None)
    assert (augment.mixup, augment.cutmix, augment.mix_prob) == (0.8, 1.0, 1.0)
    assert (augment.label_smoothing, augment.erasing, augment.hflip) == (0.1, 0.25, 0.5)
    assert (tuple(augment.scale), augment.interpolation) == ((0.08, 1.0), "random")


@pytest.mark.parametrize("recipe", PUBLISHED)
def test_published_learning_rates(recipe) -> None:
    row, _, _ = PUBLISHED[recipe]
    config = resolved("--config", str(ROOT / recipe))
    rates = learning_rates(
        lr=config.optim.lr, epochs=config.epochs, steps_per_epoch=2, **vars(config.schedule)
    )

    def authors(epoch: int) -> float:  # spec 4.1
        if epoch < row.warmup:
            return 1e-7 + epoch * (row.lr - 1e-7) / row.warmup
        if epoch < row.epochs:
            return 1e-8 + (row.lr - 1e-8) / 2 * (1 + math.cos(math.pi * epoch / row.epochs))
        return 1e-8

    expected = [authors(epoch) for epoch in range(row.epochs + 10) for _ in range(2)]
    np.testing.assert_allclose(rates, expected, rtol=1e-12)
    if row.warmup == 5:  # measured on the authors' scheduler
        assert rates[2 * 5] / row.lr == pytest.approx(0.933, abs=5e-4)
