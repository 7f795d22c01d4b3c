"""AMU-Tuning as a user types it: images and a CLIP in, a classifier in one file out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn
from safetensors.numpy import load_file

from clip_run import write_images, write_model
from mindtune import cli, commands
from mindtune.data.datasets import create_dataset
from mindtune.data.normalise import normalise
from mindtune.data.transforms import EvalTransform
from mindtune.predicting import open_predictor
from mindtune.preprocessing import CLIP_MEAN, CLIP_STD, Preprocessing
from mindtune.weights.save import save_safetensors

RECIPE = """
method: amu
backbone: {{name: vit_clip_test}}
data: {{name: folder, root: {folder}/images, workers: 1}}
text: {{templates: ["a {{}}."]}}
amu:
  shots: 4
  cache_views: 2
  auxiliary: [{{name: resnet_test, pretrained: {folder}/model/auxiliary.safetensors}}]
epochs: 2
batch_size: 4
optim: {{lr: 0.01, weight_decay: 0.01, eps: 1.0e-4}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Images, a model, a recipe, and ``run``, a finished run with them."""
    folder = tmp_path_factory.mktemp("amu")
    write_model(folder / "model")
    write_images(folder / "images", {"train": 6, "val": 2, "test": 5})
    (folder / "recipe.yaml").write_text(RECIPE.format(folder=folder))
    assert cli.run(commands.train, [*options(folder), "--out", str(folder / "run")]) == 0
    return folder


def options(folder: Path) -> list[str]:
    clip = folder / "model" / "openai_vit_jit.pt"
    return ["--config", str(folder / "recipe.yaml"), "--pretrained", str(clip)]


@pytest.fixture
def run(folder, tmp_path) -> Path:
    return Path(shutil.copytree(folder / "run", tmp_path / "run"))


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def test_eval_and_export_say_what_training_said(command, folder, run):
    trained = read(run / "result.json")
    assert command("evaluate", "--pretrained", run).code == 0
    judged = read(run / "eval_test.json")["metrics"]
    assert judged["top1"] == trained["metrics"]["top1"]
    assert judged["loss"] == pytest.approx(trained["metrics"]["loss"], rel=1e-4)
    assert command("export", "--pretrained", run).code == 0
    description = read(run / "model.mindir.json")
    assert description["largest_difference"] < 1e-4
    assert description["class_names"] == ["cat", "hot_dog", "ox"]
    source = create_dataset("folder", folder / "images", "test")
    view = EvalTransform(Preprocessing(32, CLIP_MEAN, CLIP_STD, "bicubic", crop_pct=1.0))
    pixels = np.stack([view(source.load(i)) for i in range(len(source))])
    exported = nn.GraphCell(ms.load(str(run / "model.mindir")))
    logits = exported(Tensor(normalise(pixels, CLIP_MEAN, CLIP_STD))).asnumpy()
    assert 100 * np.mean(logits.argmax(1) == source.labels) == pytest.approx(judged["top1"])


def test_the_run_predicts_what_its_export_does(command, folder, run):
    assert command("export", "--pretrained", run).code == 0
    image = create_dataset("folder", folder / "images", "test").load(0)
    found, expected = (open_predictor(str(p)).top(image, 3) for p in (run, run / "model.mindir"))
    assert [name for name, _ in found] == [name for name, _ in expected]
    assert dict(found) == pytest.approx(dict(expected), abs=1e-4)


def test_a_released_adapter_beside_a_clip_is_judged(command, folder, run, tmp_path):
    weight = load_file(run / "checkpoints" / "best.safetensors")["branches.0.fc.weight"]
    adapter = tmp_path / "adapter.safetensors"
    save_safetensors(adapter, {"fc.weight": weight}, {})
    found = command("evaluate", *options(folder), "--amu.adapter", adapter, "--out", tmp_path / "o")
    assert (found.code, found.err) == (0, "")
    judged, trained = read(tmp_path / "o" / "eval_test.json"), read(run / "result.json")
    assert judged["metrics"]["loss"] == pytest.approx(trained["metrics"]["loss"], rel=1e-4)


def test_a_resumed_run_ends_as_the_whole_one(command, folder, run):
    checkpoints = run / "checkpoints"
    whole = load_file(checkpoints / "last.safetensors")
    (checkpoints / "previous.safetensors").replace(checkpoints / "last.safetensors")
    found = command("train", *options(folder), "--out", run, "--resume", "auto")
    assert (found.code, found.err) == (0, "")
    for name, values in load_file(checkpoints / "last.safetensors").items():
        np.testing.assert_array_equal(values, whole[name], err_msg=name)


def test_other_frozen_networks_are_refused(command, run):
    other = '[{"name": "resnet_test", "pretrained": "random"}]'
    found = command("evaluate", "--pretrained", run, "--amu.auxiliary", other)
    assert found.code != 0
    assert "trained on other frozen networks (auxiliary 1 differs)" in found.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "--amu.auxiliary [{name:resnet_test,pretrained:null}]",
            "amu.auxiliary: got no pretrained",
        ),
        ("--amu.auxiliary []", "amu.auxiliary: got an empty list"),
        ("--backbone.name vit_test", "clip: got 'vit_test', expected a published CLIP"),
        ("--tuning.modes [full]", "tuning.modes: got ['full'] with method amu"),
        ("--amu.fused_share 1.5", "amu.fused_share: got 1.5, expected 0 <= value <= 1"),
        ("--amu.confidence top5", "amu.confidence: got top5 with 3 classes"),
        ("--amu.shots 9 --amu.draw imagenet", "expected at least 9 to draw 9 shots from"),
        ("--text.templates [photo]", "text.templates: got 'photo'"),
    ],
)
def test_mistakes_leave_no_run(command, folder, tmp_path, words, message):
    words = words.replace("name:", "name: ").replace(",pretrained:", ", pretrained: ")
    key, *values = words.split(" ", 1)
    argv = [key, *values] if "[{" in words else words.split()
    found = command("train", *options(folder), *argv, "--out", tmp_path / "run")
    assert found.code != 0
    assert message in found.err
    assert not (tmp_path / "run").exists()
