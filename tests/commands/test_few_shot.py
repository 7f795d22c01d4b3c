"""eval.py --protocol few_shot on a folder whose splits have classes of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor
from PIL import Image
from safetensors.numpy import load_file, save_file

import mindtune
from evaluation import few_shot_oracle as oracle
from mindtune.data.datasets import create_dataset
from mindtune.evaluation.episode_classifiers import prototypes
from mindtune.evaluation.episodes import EpisodeShape, FeatureBank, draw_episodes
from mindtune.weights.load import load_weights

CLASSES = {"train": "ab", "val": "cd", "test": "efgh"}
IMAGES = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class is a pattern of its own in noise."""
    root = tmp_path_factory.mktemp("few_shot")
    rng = np.random.default_rng(0)
    for split, classes in CLASSES.items():
        for name in classes:
            place = root / split / name
            place.mkdir(parents=True)
            pattern = np.kron(rng.integers(0, 256, (4, 4, 3)), np.ones((8, 8, 1)))
            for number in range(IMAGES):
                noisy = pattern + rng.normal(0, 120, pattern.shape)
                pixels = np.clip(noisy, 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(place / f"{number:02d}.png")
    return root


def options_of(folder: Path, **few_shot: object) -> list[object]:
    options = ["--protocol", "few_shot", "--data.name", "few_shot_folder", "--data.root", folder]
    defaults = {"way": 3, "shots": "[2]", "queries": 5, "episodes": 20}
    for key, value in {**defaults, **few_shot}.items():
        options += [f"--few_shot.{key}", value]
    return options


def read_metrics(folder: Path, split: str = "test") -> dict[str, Any]:
    return json.loads((folder / f"eval_few_shot_few_shot_folder_{split}.json").read_text())


def bank_by_hand(run: Path, root: Path, size: int) -> FeatureBank:
    """[class token, patches by the class token's attention], each at length 1, in NumPy."""
    backbone = mindtune.create_backbone("vit_test", size)
    best = run / "checkpoints" / "best.safetensors"
    grid = backbone.grid_size
    load_weights(backbone, best, dropped=["head"], grid=grid, position_resize="scale")
    backbone.set_train(False)
    source = create_dataset("few_shot_folder", root, "test")
    loaded = [source.load(i).resize((size, size), Image.BICUBIC) for i in range(len(source))]
    pixels = (np.stack(loaded) / 255 - 0.5) / 0.5
    images = Tensor(pixels.transpose(0, 3, 1, 2).astype(np.float32))
    tokens = backbone(images)[0].asnumpy().astype(np.float64)
    weights = backbone.forward_attention(images).asnumpy().mean(1)[:, 0, 1:]
    parts = tokens[:, 0], np.einsum("bn,bnc->bc", weights, tokens[:, 1:])
    features = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts]
    return FeatureBank(np.concatenate(features, axis=1).astype(np.float32), source.labels, 4)


@pytest.mark.parametrize("size", [32, 48])
def test_prototypes_on_features_made_by_hand(size, folder, run_folder, command):
    options = options_of(folder, episodes=8)
    options += ["--backbone.image_size", size, "--position_resize", "scale"]
    outcome = command("evaluate", "--pretrained", run_folder, *options)
    assert outcome.code == 0, outcome.err
    found = read_metrics(run_folder)
    bank = bank_by_hand(run_folder, folder, size)
    episodes = draw_episodes(bank, EpisodeShape(3, 2, 5), 42, 0, 8)
    made = prototypes(bank, episodes, 42)
    right = [oracle.accuracy(bank, episodes, i, made.weights[i], 0) for i in range(8)]
    assert found["metrics"]["prototype_2shot"] == pytest.approx(np.mean(right))
    interval = 1.96 * np.std(right) / np.sqrt(8)
    assert found["metrics"]["prototype_2shot_interval"] == pytest.approx(interval)
    assert 40 < np.mean(right) < 100
    assert (found["split"], found["images"], found["seed"]) == ("test", 4 * IMAGES, 42)


def test_every_classifier_and_shot_is_in_the_table(folder, run_folder, command, tmp_path):
    cache = tmp_path / "features"
    options = options_of(
        folder, shots="[1,2]", queries="null", cache=cache,
        classifiers="[prototype,sgd_cosine,logistic]",
    )  # fmt: skip
    outcome = command("evaluate", "--pretrained", run_folder, *options)
    assert outcome.code == 0, outcome.err
    metrics = read_metrics(run_folder)["metrics"]
    names = ("prototype", "sgd_cosine", "logistic")
    keys = [f"{name}_{shot}shot" for name in names for shot in (1, 2)]
    assert sorted(metrics) == sorted([*keys, *(f"{key}_interval" for key in keys)])
    for name in names:
        assert 40 < metrics[f"{name}_1shot"] < metrics[f"{name}_2shot"]
        (row,) = (line for line in outcome.out.splitlines() if name in line and "%" in line)
        for shot in (1, 2):
            mean, interval = (metrics[f"{name}_{shot}shot{end}"] for end in ("", "_interval"))
            assert f"{mean:.2f} ± {interval:.2f} %" in row
    again = command("evaluate", "--pretrained", run_folder, *options)
    assert len(list(cache.glob("*.npy"))) == 1
    assert (again.code, read_metrics(run_folder)["metrics"]) == (0, metrics)


def test_a_self_supervised_file_of_other_tools(folder, run_folder, command, tmp_path):
    """Its projection head is left out, and the backbone's prefix with it."""
    options = options_of(folder)
    assert command("evaluate", "--pretrained", run_folder, *options).code == 0
    stored = load_file(run_folder / "checkpoints" / "best.safetensors")
    tensors = {f"backbone.{k}": v for k, v in stored.items() if not k.startswith("head.")}
    heads = ("mlp.0.weight", "mlp.0.bias", "last_layer.weight_g", "last_layer.weight_v")
    tensors.update({f"head.{name}": np.ones(3, np.float32) for name in heads})
    save_file(tensors, tmp_path / "teacher.safetensors")
    config = run_folder / "config.yaml"
    argv = ["--config", config, "--pretrained", tmp_path / "teacher.safetensors", *options]
    outcome = command("evaluate", *argv, "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert read_metrics(tmp_path / "out")["metrics"] == read_metrics(run_folder)["metrics"]


def test_another_split_and_some_classes(folder, run_folder, command):
    options = options_of(folder, way=2)
    outcome = command("evaluate", "--pretrained", run_folder, *options, "--split", "val")
    assert outcome.code == 0, outcome.err
    assert read_metrics(run_folder, "val")["images"] == 2 * IMAGES
    chosen = ["--data.classes", "[f,h]"]
    assert command("evaluate", "--pretrained", run_folder, *options, *chosen).code == 0
    assert read_metrics(run_folder)["images"] == 2 * IMAGES


def test_random_weights_are_those_of_the_seed(folder, run_folder, command, tmp_path):
    network = ["--pretrained", "random", "--backbone.name", "vit_test", "--backbone.image_size", 32]

    def judged(*argv: object) -> dict[str, Any]:
        outcome = command("evaluate", *argv, "--out", tmp_path / "out")
        assert outcome.code == 0, outcome.err
        return read_metrics(tmp_path / "out")

    options = options_of(folder, shots="[1]")
    first = judged(*network, *options)
    assert (first["weights"], first["seed"]) == ("random", 42)
    assert judged(*network, *options)["metrics"] == first["metrics"]
    assert judged(*network, *options, "--seed", 7)["metrics"] != first["metrics"]
    of_a_frozen_network = judged("--pretrained", run_folder, *options)["metrics"]
    assert of_a_frozen_network == first["metrics"]
    pixels = options_of(folder, features="pixels")
    of_the_run = judged("--pretrained", run_folder, *pixels)["metrics"]
    assert judged(*network, *pixels)["metrics"] == of_the_run


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "pretrained: got random with protocol classification, expected --pretrained RUN_FOLD"),
        (
            ["--protocol", "few_shot", "--pretrained_key", "teacher"],
            "pretrained_key: got teacher with pretrained random, which is no file; leave it out",
        ),
    ],
)
def test_what_random_weights_cannot_be_is_refused(argv, message, command):
    outcome = command("evaluate", "--pretrained", "random", *argv)
    assert outcome.code == 2
    assert outcome.err.startswith(f"error: {message}")
    assert outcome.err.count("\n") == 1


def test_options_of_another_protocol_are_refused(run_folder, command):
    outcome = command("evaluate", "--pretrained", run_folder, "--few_shot.way", 3)
    assert outcome.code == 2
    assert "few_shot: acts on protocol few_shot only, got classification" in outcome.err


@pytest.mark.parametrize(
    ("few_shot", "message"),
    [
        ({"way": 5}, "few_shot.way: got 5, expected at most the 4 classes of the split"),
        ({"shots": "[8]"}, "few_shot: got 12 image(s) of class 'e', expected at least 13"),
        ({"shots": "[]"}, "few_shot.shots: got [], expected one or more different ones"),
        ({"shots": "[1,1]"}, "few_shot.shots: got [1, 1], expected one or more different ones"),
        ({"episodes": 0}, "few_shot.episodes: got 0, expected at least 1"),
        ({"classifiers": "[svm]"}, "few_shot.classifiers"),
        ({"features": "patches"}, "few_shot.features: got 'patches', expected one of"),
    ],
)
def test_mistakes_are_one_line_before_any_work(few_shot, message, folder, run_folder, command):
    options = options_of(folder, **few_shot)
    outcome = command("evaluate", "--pretrained", run_folder, *options)
    assert outcome.code != 0
    assert outcome.err.startswith("error: ")
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert "weights:" not in outcome.out
