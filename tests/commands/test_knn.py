"""eval.py --protocol knn, and what a run says it forgot of the data that it does not train on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from sklearn.neighbors import KNeighborsClassifier

import mindtune
from mindtune import cli, commands
from mindtune.data.datasets import create_dataset
from mindtune.weights.load import load_weights

DATA = Path(__file__).parents[1] / "data"
SOURCE = ("--data.classes", "[0,1,2,3,4]")
TARGET = ("--data.classes", "[5,6,7,8,9]")
K = ("--knn.k", "[5,20]")
FORGETTING = ("--forgetting.name", "digits", "--forgetting.classes", "[0,1,2,3,4]", *K)
TEMPERATURE = 0.07


def read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def start(trained) -> Path:
    """A backbone trained on five digits."""
    return trained(*SOURCE, "--tuning.modes", "[full]", "--head.name", "moment")


@pytest.fixture(scope="module")
def judged(start, tmp_path_factory) -> dict[str, Any]:
    """What eval.py says of it, which started from nothing."""
    out = tmp_path_factory.mktemp("judged")
    argv = ["--pretrained", str(start), "--protocol", "knn", *K, "--out", str(out)]
    assert cli.run(commands.evaluate, argv) == 0
    return read_json(out / "eval_knn_digits_test.json")


@pytest.fixture(scope="module")
def tuned(trained, start) -> Path:
    """The same backbone tuned on the other five, on darker images, hard enough to forget."""
    hard = ("--tuning.modes", "[psrp,full]", "--optim.lr", "0.02", "--schedule.min_lr", "0.02")
    dark = ("--preprocessing.mean", "[0.9,0.9,0.9]")
    return trained("--pretrained", str(start), *TARGET, *hard, *dark, *FORGETTING)


@pytest.fixture
def run_folder(tuned: Path, tmp_path: Path) -> Path:
    """This test's own copy of ``tuned``."""
    return Path(shutil.copytree(tuned, tmp_path / "run"))


def top1_by_sklearn(weights: Path, ks: tuple[int, ...]) -> list[float]:
    """Images of five digits made ready in NumPy, one batch through the bare backbone."""
    pixels, labels = [], []
    for split in ("train", "test"):
        digits = create_dataset("digits", None, split)
        chosen = np.flatnonzero(digits.labels < 5)
        images = [digits.load(int(i)).resize((32, 32), Image.BICUBIC) for i in chosen]
        pixels.append((np.stack(images) / 255 - 0.5) / 0.5)
        labels.append(digits.labels[chosen])
    backbone = mindtune.create_backbone("vit_test", 32)
    load_weights(backbone, weights, dropped=["head"])
    backbone.set_train(False)
    images = np.concatenate(pixels).transpose(0, 3, 1, 2).astype(np.float32)
    bank, queries = np.split(backbone(Tensor(images))[1].asnumpy(), [len(labels[0])])
    found = []
    for k in ks:
        judge = KNeighborsClassifier(
            k, weights=lambda distance: np.exp((1 - distance) / TEMPERATURE), metric="cosine"
        ).fit(bank, labels[0])
        found.append(float(100 * np.mean(judge.predict(queries) == labels[1])))
    return found


def test_accuracies_are_those_of_the_plain_backbone(start, judged) -> None:
    """Whatever head is on it; and a run that started from nothing has no state before."""
    by_k = judged["after"]
    wanted = top1_by_sklearn(start / "checkpoints" / "best.safetensors", (5, 20))
    one_image = 100 / judged["images"]  # votes that tie but for rounding fall either way
    found = [by_k[k]["top1"] for k in ("5", "20")]
    assert found == pytest.approx(wanted, abs=1.01 * one_image)
    assert all(accuracy["top5"] == 100.0 for accuracy in by_k.values())  # of five classes
    assert judged["k"] == 20
    assert judged["metrics"] == {**by_k["20"], "images": judged["images"]}
    assert judged["bank_images"] == np.sum(create_dataset("digits", None, "train").labels < 5)
    assert judged["before"] is judged["change"] is judged["before_weights"] is None


def test_a_run_tells_what_it_forgot_and_eval_tells_the_same(
    start, judged, run_folder, command, tmp_path
) -> None:
    told = read_json(run_folder / "result.json")["forgetting"]
    assert told["before_weights"] == str(start / "checkpoints" / "best.safetensors")
    assert told["before"] == judged["after"]
    assert told["preprocessing"] == judged["preprocessing"]
    change = {k: after["top1"] - told["before"][k]["top1"] for k, after in told["after"].items()}
    assert {k: value["top1"] for k, value in told["change"].items()} == pytest.approx(change)
    assert any(change.values())

    options = ["--protocol", "knn", *SOURCE, "--knn.cache", tmp_path / "features"]
    for _ in range(2):  # the second time from the files
        outcome = command("evaluate", "--pretrained", run_folder, *options)
        assert outcome.code == 0
        found = read_json(run_folder / "eval_knn_digits_test.json")
        assert {key: found[key] for key in told} == told
        assert len(list((tmp_path / "features").glob("*.npy"))) == 4
    assert f"(before {told['before']['20']['top1']:.2f} %, change" in outcome.out


@pytest.mark.parametrize(
    "tuning",
    ["[lora]", "[block_expansion] --tuning.block_expansion.num_blocks 1"],
    ids=["lora", "block_expansion"],
)
def test_a_tuning_that_has_learnt_nothing_has_forgotten_nothing(
    tuning, start, judged, command, tmp_path
) -> None:
    """Both start as the identity, and are judged by the features before the head."""
    nothing = ["--optim.lr", "1e-30", "--schedule.warmup_lr", "1e-30", "--schedule.min_lr", "1e-30"]
    run = tmp_path / "run"
    argv = ["--pretrained", start, *TARGET, "--tuning.modes", *tuning.split(), *nothing]
    assert command("train", "--smoke", "--out", run, *argv, *FORGETTING).code == 0
    told = read_json(run / "result.json")["forgetting"]
    assert told["after"] == told["before"] == judged["after"]
    options = ["--protocol", "knn", *SOURCE]
    assert command("evaluate", "--pretrained", run, *options).code == 0
    assert read_json(run / "eval_knn_digits_test.json")["after"] == told["after"]


def test_logits_and_the_images_of_the_run_are_named_options(run_folder, command, tmp_path) -> None:
    told = read_json(run_folder / "result.json")["forgetting"]
    moved = tmp_path / "moved.safetensors"
    _write_with_start(run_folder / "checkpoints" / "best.safetensors", moved, "nowhere/best")
    options = ["--knn.space", "logits", "--knn.preprocessing", "run", "--protocol", "knn"]
    outcome = command("evaluate", "--pretrained", moved, *SOURCE, *options, "--out", tmp_path)
    assert outcome.code == 0
    assert "not measured, nowhere/best is not here; give it as --before" in outcome.out
    found = read_json(tmp_path / "eval_knn_digits_test.json")
    assert (found["space"], told["space"]) == ("logits", "features")
    assert (found["before"], found["change"]) == (None, None)
    assert found["after"] != told["after"]
    means = [say["preprocessing"]["mean"] for say in (found, told)]
    assert means == [[0.9] * 3, [0.5] * 3]


def test_the_state_before_may_be_given(start, judged, command, tmp_path) -> None:
    """The state after is the same here: nothing changes, whatever the head."""
    options = ["--protocol", "knn", *K, "--before", start, "--out", tmp_path]
    best = start / "checkpoints" / "best.safetensors"
    assert command("evaluate", "--pretrained", best, *options).code == 0
    found = read_json(tmp_path / "eval_knn_digits_test.json")
    assert found["before"] == found["after"] == judged["after"]
    assert all(value == 0 for k in found["change"].values() for value in k.values())


def _write_with_start(best: Path, to: Path, start: str) -> None:
    """The same weights of a run that says it started from ``start``."""
    with safe_open(best, framework="np") as stored:
        metadata = dict(stored.metadata())
    header = json.loads(metadata["mindtune"])
    header["config"]["pretrained"] = start
    save_file(load_file(best), to, {**metadata, "mindtune": json.dumps(header)})


def test_validation_images_held_out_are_no_neighbours(
    run_folder, command, write_photographs, tmp_path
) -> None:
    photos = write_photographs(tmp_path / "photos", {"train": 8})
    options = f"--protocol knn --data.name folder --data.root {photos} --data.val_fraction 0.25"
    argv = [*options.split(), "--knn.k", "[12]", "--out", tmp_path]
    assert command("evaluate", "--pretrained", run_folder, *argv).code == 0
    found = read_json(tmp_path / "eval_knn_folder_val.json")
    assert (found["bank_images"], found["images"]) == (12, 4)
    assert found["data"]["classes"] is None  # the run's were those of another data set


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ("--split train", 2, "split: got train, in which protocol knn seeks the neighbours"),
        ("--knn.k [5,2000]", 2, "knn.k: got 2000 neighbours, expected at most the 537 images"),
        ("--knn.k []", 2, "knn.k: got [], expected one or more different numbers from 1 on"),
        ("--knn.k [5,5]", 2, "knn.k: got [5, 5], expected"),
        ("--knn.temperature 0", 2, "knn.temperature: got 0.0, expected more than 0"),
        ("--data.classes [7]", 1, "k-NN: got 1 class(es), expected at least 2"),
        ("--forgetting.name digits", 2, "forgetting.name: acts on training only"),
        ("--before nowhere", 1, "nowhere: no such file"),
    ],
)
def test_mistakes_of_an_evaluation(options, code, message, run_folder, command) -> None:
    outcome = command("evaluate", "--pretrained", run_folder, "--protocol", "knn", *options.split())
    assert (outcome.code, outcome.err.count("\n")) == (code, 1), outcome.err
    assert message in outcome.err
    assert not list(run_folder.glob("eval_knn*"))


def test_logits_of_a_file_without_classes(command, tmp_path) -> None:
    weights = DATA / "weights" / "b_timm_vit" / "vit.safetensors"
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("{}")
    options = ["--smoke", "--protocol", "knn", "--knn.space", "logits", "--knn.k", "[5]"]
    outcome = command("evaluate", "--config", recipe, "--pretrained", weights, *options)
    assert outcome.code == 1
    assert "--knn.space logits needs a head" in outcome.err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (FORGETTING, 2, "forgetting.name: got digits in a run from random weights"),
        (
            ("--pretrained", "START", "--forgetting.name", "folder"),
            1,
            "the source data, given by --forgetting.name, .root and .classes: data set 'folder'",
        ),
        (
            ("--pretrained", "START", "--forgetting.name", "digits", "--knn.k", "[2000]"),
            2,
            "knn.k: got 2000 neighbours",
        ),
    ],
)
def test_mistakes_of_a_run_are_found_before_it_trains(
    options, code, message, start, command, tmp_path
) -> None:
    options = [str(start) if word == "START" else word for word in options]
    outcome = command("train", "--smoke", "--out", tmp_path / "run", *options)
    assert outcome.code == code, outcome.err
    assert message in outcome.err
    assert not (tmp_path / "run").exists()
