"""A LoRA run as a user makes it: trained, judged from its folder, exported, converted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn
from safetensors.numpy import load_file

from mindtune.converting import convert
from mindtune.onnx_graph.run import run_onnx
from mindtune.weights.readers import read_tensors

LORA = (
    "--tuning.modes", "[lora,psrp]", "--tuning.lora.targets", "[q,v,fc1]", "--tuning.lora.rank",
    "2", "--tuning.lora.alpha", "6", "--tuning.lora.dropout", "0.1", "--tuning.lora.bias",
    "lora_only", "--head.name", "moment", "--optim.lr", "0.01", "--schedule.min_lr", "1e-4",
)  # fmt: skip


@pytest.fixture
def run(trained, tmp_path) -> Path:
    return Path(shutil.copytree(trained(*LORA), tmp_path / "run"))


def metrics(file: Path) -> dict[str, float]:
    return json.loads(file.read_text())["metrics"]


def test_trains_its_updates_and_evaluates_from_its_folder(run, command) -> None:
    before, after = (
        load_file(run / "checkpoints" / f"{state}.safetensors") for state in ("previous", "last")
    )
    weights = [key for key in after if key.startswith("model/")]
    changed = {key for key in weights if not np.array_equal(after[key], before[key])}
    trained = {key for key in weights if {"lora", "psrp", "model/head"} & set(key.split("."))}
    assert changed == trained
    assert command("evaluate", "--pretrained", run).code == 0
    assert metrics(run / "eval_test.json") == metrics(run / "result.json")


def test_exported_files_have_merged_weights(run, command) -> None:
    for form in ("MINDIR", "ONNX"):
        assert command("export", "--pretrained", run, "--file_format", form).code == 0
    images = np.random.default_rng(0).standard_normal((3, 3, 32, 32)).astype(np.float32)
    logits = run_onnx(run / "model.onnx", images)
    graph = nn.GraphCell(ms.load(str(run / "model.mindir")))
    np.testing.assert_allclose(graph(Tensor(images)).asnumpy(), logits, rtol=0, atol=1e-5)
    assert b"lora" not in (run / "model.onnx").read_bytes()


def test_converted_file_holds_plain_weights_that_evaluate_to_the_same(
    run, command, tmp_path
) -> None:
    file = tmp_path / "plain.safetensors"
    convert(str(run), file, "safetensors-timm")
    best = read_tensors(run / "checkpoints" / "best.safetensors").tensors
    plain = load_file(file)
    assert set(plain) == {name for name in best if ".lora." not in name}
    changed = {n for n in plain if not np.array_equal(plain[n], best[n])}
    assert changed == {
        f"blocks.{i}.{layer}.{kind}"
        for i in (0, 1)
        for layer in ("attn.qkv", "mlp.fc1")
        for kind in ("weight", "bias")
    }
    assert command("evaluate", "--pretrained", file, "--out", tmp_path / "eval").code == 0
    found, expected = metrics(tmp_path / "eval/eval_test.json"), metrics(run / "result.json")
    assert found["top1"] == expected["top1"]
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-5)


def test_continues_with_more_training_from_its_own_weights(run, command, tmp_path) -> None:
    said = command("train", "--smoke", *LORA, "--pretrained", run, "--out", tmp_path / "more")
    assert said.code == 0, said.err
    assert "new: head" in said.out
    assert ".lora." not in said.out
    said = command("train", "--smoke", "--pretrained", run, "--out", tmp_path / "other")
    assert "the file was tuned with PSRP (MP+): add psrp to the tuning modes" in said.err


def test_updates_come_new_on_a_file_that_has_none(trained, command, tmp_path) -> None:
    psrp = trained("--tuning.modes", "[psrp]")
    said = command("train", "--smoke", *LORA, "--pretrained", psrp, "--out", tmp_path / "more")
    assert said.code == 0, said.err
    assert "new: blocks.0.attn.qkv.lora.q.A" in said.out
    assert "psrp" not in said.out
