"""train.py, eval.py and export.py as a user types them, one after the other, on real images."""

from __future__ import annotations

import csv
import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn
from PIL import Image
from safetensors.numpy import load_file

import mindtune
from mindtune import exporting
from mindtune.backbones import registry
from mindtune.backbones.vit import VisionTransformer, ViTArchitecture
from mindtune.data.datasets import create_dataset
from mindtune.preprocessing import Preprocessing

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "tests" / "data" / "weights"

VARIATIONS = {  # name: (options, what trains)
    "LP": ("", ["head."]),
    "MP": ("--head.name moment", ["head."]),
    "MP+": ("--head.name moment --tuning.modes [psrp]", ["head.", ".psrp."]),
    "full": (
        "--tuning.modes [full] --backbone.drop_path 0.5 --optim.clip_norm 0.1 --ema_decay null",
        [""],
    ),
    "SGD": (
        "--optim.name sgd --optim.lr 0.1 --head.linear.pool mean --tensorboard true "
        "--schedule.name authors_cosine --schedule.warmup_epochs 1",
        ["head."],
    ),
    "steps": (
        "--epochs null --max_steps null --schedule.cooldown_epochs 0 --steps 6 --batch_size 512 "
        "--augment.trivial_augment true",
        ["head."],
    ),
    "augmented": (
        "--augment.mixup 0.8 --augment.cutmix 1.0 --augment.label_smoothing 0.1 --accumulate 2 "
        "--augment.erasing 0.5 --augment.rand_augment rand-m9-mstd0.5-inc1 --evaluation.every 5 "
        "--checkpoint_every 5 --log_every 5 --max_steps 2",
        ["head."],
    ),
}


def read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def logits_of(mindir: Path, images: np.ndarray) -> np.ndarray:
    return nn.GraphCell(ms.load(str(mindir)))(Tensor(images)).asnumpy()


def prepared(images: list[Image.Image], description: dict[str, Any]) -> np.ndarray:
    """Square images made ready as the file beside an exported network says, in plain NumPy."""
    say = description["preprocessing"]
    assert (say["interpolation"], say["crop_pct"]) == ("bicubic", 1.0)
    side = say["input_size"]
    pixels = np.stack([image.resize((side, side), Image.BICUBIC) for image in images]) / 255
    normal = (pixels - np.array(say["mean"])) / np.array(say["std"])
    return normal.transpose(0, 3, 1, 2).astype(np.float32)


def test_train_eval_export_then_use_the_exported_file(tmp_path) -> None:
    def type_in(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    said = type_in(str(ROOT / "train.py"), "--smoke", "--head.name", "moment", "--out", "run")
    assert "best checkpoint on test: top-1" in said
    assert "test: top1" in type_in(str(ROOT / "eval.py"), "--pretrained", "run")
    said = type_in(str(ROOT / "export.py"), "--pretrained", "run")
    assert "run/model.mindir: logits equal to the network's within" in said

    run = tmp_path / "run"
    digits = create_dataset("digits", None, "test")
    images = [digits.load(i) for i in range(len(digits))]
    logits = logits_of(run / "model.mindir", prepared(images, read_json(run / "model.mindir.json")))
    right = logits.argmax(axis=1) == digits.labels
    shifted = logits - logits.max(axis=1, keepdims=True)
    chosen = shifted[np.arange(len(digits)), digits.labels]
    loss = np.mean(np.log(np.exp(shifted).sum(axis=1)) - chosen)
    metrics = read_json(run / "eval_test.json")["metrics"]
    assert metrics["images"] == len(digits) == 359
    assert metrics["top1"] == pytest.approx(100 * right.mean())
    assert metrics["loss"] == pytest.approx(loss, rel=1e-5)
    assert read_json(run / "result.json")["metrics"] == metrics
    with (run / "eval_test_per_class.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["correct"]) for row in rows] == [
        int(right[digits.labels == label].sum()) for label in range(10)
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


@pytest.mark.parametrize("name", VARIATIONS)
def test_variation_trains_what_it_says_and_evaluates_to_the_same(name, command, tmp_path) -> None:
    options, trained = VARIATIONS[name]
    run = tmp_path / "run"
    keep_lr = ["--schedule.min_lr", "1e-4"]  # else the last epoch's steps would round to nothing
    assert command("train", "--smoke", "--out", run, *keep_lr, *options.split()).code == 0

    result = read_json(run / "result.json")
    updates = 6 if "steps" in options else 9
    assert result["updates"] == updates
    records = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    epochs = [record for record in records if record["kind"] == "epoch"]
    assert [record["epoch"] for record in epochs] == [1, 2, 3]
    assert max(record["step"] for record in records) == updates
    assert (run / "tensorboard").exists() == ("tensorboard" in options)

    before, after = (
        load_file(run / "checkpoints" / f"{state}.safetensors") for state in ("previous", "last")
    )
    weights = [key for key in after if key.startswith("model/")]
    changed = [key for key in weights if not np.array_equal(after[key], before[key])]
    assert changed == [key for key in weights if any(part in key for part in trained)]

    assert command("evaluate", "--pretrained", run).code == 0
    assert read_json(run / "eval_test.json")["metrics"] == result["metrics"]


def test_photographs_in_train_val_and_test_folders(command, write_photographs, tmp_path) -> None:
    photos = write_photographs(tmp_path / "photos", {"train": 8, "val": 3, "test": 2})
    run = tmp_path / "run"
    folder = f"--data.name folder --data.root {photos} --batch_size 4".split()
    assert command("train", "--smoke", "--out", run, *folder).code == 0
    result = read_json(run / "result.json")
    assert result["updates"] == 3 * 3  # 16 images, 4 a batch, of which max_steps takes 3
    assert result["selection"]["split"] == "val"
    assert (result["split"], result["metrics"]["images"]) == ("test", 4)

    best = run / "checkpoints" / "best.safetensors"
    for split, images in {"train": 16, "val": 6, "test": 4}.items():
        assert command("evaluate", "--pretrained", best, "--split", split).code == 0
        assert read_json(run / f"eval_{split}.json")["metrics"]["images"] == images
    selected = result["selection"]["top1"]
    assert read_json(run / "eval_val.json")["metrics"]["top1"] == selected

    assert command("export", "--pretrained", best, "--fixed_batch", 3).code == 0
    description = read_json(run / "model.mindir.json")
    assert description["input"] == [3, 3, 32, 32]
    assert description["class_names"] == ["locomotive", "zebra"]
    assert logits_of(run / "model.mindir", np.zeros((3, 3, 32, 32), np.float32)).shape == (3, 2)


def test_without_a_val_folder_part_of_train_is_held_out(
    command, write_photographs, tmp_path
) -> None:
    photos = write_photographs(tmp_path / "photos", {"train": 8, "test": 2})
    run = tmp_path / "run"
    folder = f"--data.name folder --data.root {photos} --data.val_fraction 0.25 --batch_size 4"
    assert command("train", "--smoke", "--out", run, *folder.split()).code == 0
    assert command("evaluate", "--pretrained", run, "--split", "val").code == 0
    metrics = read_json(run / "eval_val.json")["metrics"]
    assert metrics["images"] == 2 * 2
    assert metrics["top1"] == read_json(run / "result.json")["selection"]["top1"]


def test_some_classes_of_a_set_in_their_own_order(command, tmp_path) -> None:
    run = tmp_path / "run"
    assert command("train", "--smoke", "--out", run, "--data.classes", "[7,5]").code == 0
    assert command("evaluate", "--pretrained", run).code == 0
    with (run / "eval_test_per_class.csv").open() as file:
        counts = {row["name"]: int(row["images"]) for row in csv.DictReader(file)}
    digits = create_dataset("digits", None, "test")
    assert list(counts.items()) == [(name, int(sum(digits.labels == int(name)))) for name in "75"]
    assert load_file(run / "checkpoints" / "best.safetensors")["head.weight"].shape == (2, 24)


def test_unreadable_images_are_left_out_and_named_on_request(
    command, write_photographs, tmp_path
) -> None:
    photos = write_photographs(tmp_path / "photos", {"train": 5, "val": 1})
    broken = photos / "train" / "zebra" / "4.jpg"
    broken.write_bytes(broken.read_bytes()[:500])
    folder = f"--data.name folder --data.root {photos} --batch_size 9 --data.skip_unreadable true"
    outcome = command("train", "--smoke", "--out", tmp_path / "run", *folder.split())
    assert outcome.code == 0
    assert f"train: skipped 1 unreadable image(s): {broken}" in outcome.out
    assert command("train", "--smoke", "--out", tmp_path / "all", *folder.split()[:-2]).code == 1


@pytest.fixture
def timm_vit(monkeypatch: pytest.MonkeyPatch) -> str:
    """The architecture of tests/data/weights/b_timm_vit/vit.safetensors, registered by a user."""
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    architecture = ViTArchitecture(8, 48, 3, 3, mlp_ratio=2.0)
    mindtune.register_backbone(
        "my_vit",
        lambda preprocessing, drop_path: VisionTransformer(architecture, preprocessing, drop_path),
        registry.PretrainedConfig(Preprocessing(32, (0.5,) * 3, (0.5,) * 3, "bicubic", 1.0)),
    )
    return "my_vit"


def test_weights_of_another_tool_on_a_backbone_of_the_user(timm_vit, command, tmp_path) -> None:
    recipe = tmp_path / "digits.yaml"
    recipe.write_text(f"backbone: {{name: {timm_vit}}}\ndata: {{name: digits}}\n")
    foreign = ["--pretrained", WEIGHTS / "b_timm_vit" / "vit.safetensors", "--swin_config", recipe]

    assert command("evaluate", *foreign).code == 0
    assert read_json(tmp_path / "runs/eval-vit/eval_test.json")["metrics"]["images"] == 359

    assert command("export", *foreign).code == 0
    expected = np.load(WEIGHTS / "expected.npz")
    logits = logits_of(tmp_path / "runs/eval-vit/model.mindir", expected["b_vit/image"])
    np.testing.assert_allclose(logits, expected["b_vit/logits"], rtol=0, atol=2e-5)

    assert command("train", "--smoke", *foreign, "--backbone.name", timm_vit).code == 0
    outcome = command("train", *foreign[:2], "--smoke", "--out", "elsewhere")
    assert "does not fit the network" in outcome.err


def test_eight_photographs_are_learnt_by_heart(command, write_photographs, tmp_path) -> None:
    photos = write_photographs(tmp_path / "photos", {"train": 1, "val": 1}, tuple("abcdefgh"))
    run = tmp_path / "run"
    options = (
        f"--data.name folder --data.root {photos} --backbone.name vit_mini_patch4_32 --epochs 45 "
        "--tuning.modes [full] --batch_size 8 --optim.lr 1e-3 --augment.crop none "
        "--augment.hflip 0 --evaluation.every 45"
    )
    assert command("train", "--out", run, *options.split()).code == 0
    assert command("evaluate", "--pretrained", run, "--split", "train").code == 0
    metrics = read_json(run / "eval_train.json")["metrics"]
    assert (metrics["images"], metrics["top1"]) == (8, 100.0)
    assert metrics["loss"] < 1  # log(8) = 2.08 before training


def test_random_weights_are_said_and_may_be_asked_for(command, tmp_path) -> None:
    short = ["--smoke", "--epochs", "1", "--max_steps", "1"]
    runs = {"asked": ["--pretrained", "random"], "unsaid": []}
    for name, options in runs.items():
        outcome = command("train", *short, *options, "--out", tmp_path / name)
        assert outcome.code == 0, outcome.err
        assert "weights: random, of seed 42; --pretrained FILE" in outcome.out
    asked, unsaid = (load_file(tmp_path / name / "checkpoints/best.safetensors") for name in runs)
    for name, values in unsaid.items():
        np.testing.assert_array_equal(asked[name], values, err_msg=name)


def test_a_full_disk_during_export_names_the_file(run_folder, command, monkeypatch) -> None:
    def write(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(exporting.FORMATS, "MINDIR", exporting.Format(write, write))
    before = sorted(run_folder.rglob("*"))
    outcome = command("export", "--pretrained", run_folder)
    assert outcome.code == 1
    file = run_folder / "model.mindir"
    assert outcome.err.startswith(f"error: {file}: cannot be written (No space left on device)")
    assert sorted(run_folder.rglob("*")) == before
