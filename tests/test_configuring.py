"""``mindtune.configure``: from Python what a command line gives."""

from __future__ import annotations

from pathlib import Path

import pytest

import mindtune
from mindtune import cli
from mindtune.config import EvaluateConfig, ExportConfig, RunConfig
from mindtune.configuring import configure
from mindtune.errors import ConfigError

RECIPE = Path(__file__).parents[1] / "configs" / "quickstart" / "moment_probing.yaml"
SHIPPED = Path(__file__).parents[1] / "weights" / "vit_digits_patch4_16.safetensors"


def typed(kind: type, *words: str) -> RunConfig:
    """What the same words make of a command line."""
    return cli.parse(cli.make_parser(kind, "command", ""), kind, list(words), {})


def test_a_recipe_and_keys_are_what_the_command_line_makes_of_them():
    found = configure(
        mindtune.RunConfig,
        RECIPE,
        pretrained=Path("a folder") / "w.npz",
        epochs=None,
        steps=30,
        overwrite=True,
        tuning={"modes": ["psrp", "norm"], "psrp": {"init": "authors"}},
        augment={"scale": (0.5, 1.0)},
        amu={"auxiliary": [{"name": "resnet_test", "pretrained": Path("r.pth")}]},
    )
    assert found == typed(
        RunConfig, "--config", str(RECIPE), "--pretrained", "a folder/w.npz", "--epochs", "null",
        "--steps", "30", "--overwrite", "--tuning.modes", "[psrp, norm]", "--tuning.psrp.init",
        "authors", "--augment.scale", "[0.5, 1.0]", "--amu.auxiliary",
        "[{name: resnet_test, pretrained: r.pth}]",
    )  # fmt: skip
    assert (found.head.name, found.epochs, found.steps) == ("moment", None, 30)


def test_smoke_is_over_the_recipe_and_under_the_keys():
    found = configure(RunConfig, RECIPE, smoke=True, max_steps=1)
    assert (found.backbone.name, found.batch_size, found.max_steps) == ("vit_test", 16, 1)
    assert found.head.name == "moment"


def test_without_a_recipe_the_rest_are_defaults():
    assert configure(RunConfig, seed=3) == RunConfig(seed=3)


@pytest.mark.parametrize("kind", [EvaluateConfig, ExportConfig])
def test_the_settings_of_the_weights_are_below_those_given(kind):
    found = configure(kind, pretrained=SHIPPED, data={"classes": [5, 6]})
    assert found.pretrained == str(SHIPPED)
    assert found.backbone.name == "vit_digits_patch4_16"
    assert (found.data.name, found.data.classes) == ("digits", [5, 6])


@pytest.mark.parametrize(
    ("kind", "keys", "message"),
    [
        (RunConfig, {"epoch": 3}, "unknown key 'epoch'"),
        (RunConfig, {"optim": {"lrr": 3}}, "did you mean 'optim.lr'"),
        (RunConfig, {"epochs": "many"}, "epochs: got 'many'"),
        (RunConfig, {"recipe": "none.yaml"}, "config none.yaml: cannot be read"),
        (EvaluateConfig, {"pretrained": SHIPPED, "optim": {"lr": 1.0}}, "acts on training only"),
        (EvaluateConfig, {"pretrained": RECIPE}, "carries no configuration"),
    ],
)
def test_mistakes_are_those_of_the_command_line(kind, keys, message):
    with pytest.raises(ConfigError) as refused:
        configure(kind, **keys)
    assert message in str(refused.value)
