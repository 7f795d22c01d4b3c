"""Adapters of Hugging Face's PEFT as a user has them: out of a run, and into one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from mindtune.adapter import convert_to_peft
from mindtune.errors import ConfigError, WeightsError
from mindtune.weights.peft_adapter import read_adapter

LORA = (
    "--tuning.modes", "[lora]", "--tuning.lora.rank", "2", "--tuning.lora.alpha", "6",
    "--tuning.lora.bias", "lora_only", "--optim.lr", "0.01",
)  # fmt: skip


@pytest.fixture
def base(trained, tmp_path) -> Path:
    """A run whose weights the others start from."""
    return Path(shutil.copytree(trained("--tuning.modes", "[full]"), tmp_path / "base"))


@pytest.fixture
def run(base, command, tmp_path) -> Path:
    folder = tmp_path / "run"
    done = command("train", "--smoke", *LORA, "--pretrained", base, "--out", folder)
    assert done.code == 0, done.err
    return folder


def metrics(file: Path) -> dict[str, float]:
    return json.loads(file.read_text())["metrics"]


def test_adapter_of_a_run_gives_its_base_the_run_s_answers(base, run, command, tmp_path) -> None:
    adapter = tmp_path / "adapter"
    written, left_out = convert_to_peft(str(run), adapter)
    assert (written, left_out) == (
        2 * 2 * 2 * 3 + 2,
        (),
    )  # blocks, parts, layouts; A, B, bias; head
    config = json.loads((adapter / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(base)
    assert (config["r"], config["lora_alpha"], config["bias"]) == (2, 6, "lora_only")

    outputs = ["--out", tmp_path / "eval"]
    assert command("evaluate", "--pretrained", base, "--adapter", adapter, *outputs).code == 0
    found, expected = metrics(tmp_path / "eval/eval_test.json"), metrics(run / "result.json")
    assert found["top1"] == expected["top1"]
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert metrics(base / "result.json")["loss"] != pytest.approx(found["loss"], rel=1e-3)

    export = ["--pretrained", base, "--adapter", adapter, "--file", tmp_path / "model.mindir"]
    assert command("export", *export).code == 0

    more = ["--smoke", *LORA, "--pretrained", base, "--adapter", adapter, "--head.reset", "false"]
    assert command("train", *more, "--out", tmp_path / "more", "--optim.lr", "1e-30").code == 0
    after = load_file(tmp_path / "more/checkpoints/best.safetensors")
    before = load_file(run / "checkpoints" / "best.safetensors")
    assert set(after) == set(before)
    for name, array in before.items():
        np.testing.assert_allclose(after[name], array, rtol=0, atol=1e-7, err_msg=name)
    # the folder of that run is whole: its adapter is not put on a second time
    assert command("evaluate", "--pretrained", tmp_path / "more").code == 0


def test_mistakes_are_one_line(base, run, command, tmp_path) -> None:
    convert_to_peft(str(run), tmp_path / "adapter", "v4")
    adapter = ["--adapter", tmp_path / "adapter"]
    assert read_adapter(tmp_path / "adapter").config.rank == 2
    said = command("train", "--smoke", *adapter)
    assert "pretrained: got nothing, expected --pretrained" in said.err
    other_rank = ["--smoke", *LORA, "--tuning.lora.rank", "4", "--pretrained", base, *adapter]
    said = command("train", *other_rank)
    assert "tuning.lora: got rank 4 and factor 1.5, expected those of" in said.err
    with pytest.raises(WeightsError, match="holds no LoRA run, expected the folder of one"):
        convert_to_peft(str(base), tmp_path / "other")
    with pytest.raises(ConfigError, match="--layout: got 'v6', expected one of both, v4, v5"):
        convert_to_peft(str(run), tmp_path / "other", "v6")


def test_what_no_adapter_holds_is_refused_or_said(trained, tmp_path) -> None:
    run = trained("--tuning.modes", "[lora,norm]")
    with pytest.raises(WeightsError, match="were trained by norm beside lora, expected lora alone"):
        convert_to_peft(str(run), tmp_path / "adapter")
    run = trained("--tuning.modes", "[lora]", "--head.name", "moment")
    _, left_out = convert_to_peft(str(run), tmp_path / "adapter")
    assert left_out
    assert all(name.startswith("head.") for name in left_out)
    assert not read_adapter(tmp_path / "adapter").values
