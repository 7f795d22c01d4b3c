"""--help, --version and --print_config of the three commands."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, get_type_hints

import pytest
import yaml

from mindtune import __version__, cli, commands
from mindtune.config import EvaluateConfig, ExportConfig, RunConfig, flatten

COMMANDS = {"train": RunConfig, "evaluate": EvaluateConfig, "export": ExportConfig}


def keys_of(config: type, prefix: str = "") -> list[str]:
    """Every key that is no group, dotted."""
    hints = get_type_hints(config)
    keys = []
    for field in dataclasses.fields(config):
        name = prefix + field.name
        kind = hints[field.name]
        keys += keys_of(kind, f"{name}.") if dataclasses.is_dataclass(kind) else [name]
    return keys


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a command prints before it leaves with exit code 0."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(name: str, *argv: str) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            cli.run(getattr(commands, name), argv)
        assert left.value.code in (0, None)
        shown = capsys.readouterr()
        assert shown.err == ""
        return shown.out

    return run


def explanations(text: str) -> dict[str, str]:
    """What --help says of each key, without placeholder, type and default."""
    found = {}
    for entry in re.split(r"\n(?=  --|\n)", text):
        option = re.match(r"\s+--([\w.]+) \S+(?: --\S+ \S+)?\s(.*)\(type:", entry, re.DOTALL)
        if option:
            found[option[1]] = " ".join(option[2].split())
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_help_explains_every_key(name, printed) -> None:
    said = explanations(printed(name, "--help"))
    assert sorted(said) == sorted(keys_of(COMMANDS[name]))
    unexplained = [key for key, words in said.items() if not re.fullmatch(r"\w.{2,}\.", words)]
    assert unexplained == []


def test_help_is_grouped(printed) -> None:
    text = printed("train", "--help")
    headings = dict(re.findall(r"^(\S.*):\n  --([\w.]+) ", text, re.MULTILINE))
    assert headings["Optimiser"] == "optim"
    assert headings["Images to train and evaluate on"] == "data"
    assert {key.split(".")[0] for key in keys_of(RunConfig) if "." in key} <= set(headings.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_version(name, printed) -> None:
    assert printed(name, "--version") == f"mindtune {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_printed_configuration_is_a_recipe(name, printed, tmp_path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("optim: {lr: 0.25}\nepochs: 3\n")
    options = ["--config", str(recipe), "--seed", "7", "--tuning.modes", "[psrp, full]"]
    text = printed(name, *options, "--print_config")

    values = flatten(yaml.safe_load(text))
    assert set(values) == {*keys_of(COMMANDS[name]), "smoke"}
    assert (values["optim.lr"], values["epochs"], values["seed"]) == (0.25, 3, 7)
    assert values["tuning.modes"] == ["psrp", "full"]

    recipe.write_text(text)
    assert printed(name, "--config", str(recipe), "--print_config") == text
    assert printed(name, "--swin_config", str(recipe), "--print_config") == text


def test_smoke_stands_above_the_recipe_and_below_the_options(printed, tmp_path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("epochs: 300\noptim: {lr: 0.25}\n")
    text = printed("train", "--smoke", "--batch_size=4", "--config", str(recipe), "--print_config")
    values = flatten(yaml.safe_load(text))
    assert (values["epochs"], values["data.name"]) == (2, "digits")
    assert (values["optim.lr"], values["batch_size"]) == (0.25, 4)


def test_settings_of_a_run_stand_below_the_options(printed, run_folder) -> None:
    def values(*options: str) -> dict[str, Any]:
        text = printed("evaluate", "--pretrained", str(run_folder), *options, "--print_config")
        return flatten(yaml.safe_load(text))

    assert values()["backbone.name"] == "vit_test"
    assert values("--backbone.name", "vit_mini_patch4_32")["backbone.name"] == "vit_mini_patch4_32"
    best = str(run_folder / "checkpoints" / "best.safetensors")
    assert values("--pretrained", best)["data.name"] == "digits"
