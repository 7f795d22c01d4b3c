"""Protocol few_shot_clip through ``eval.py``: one command from weights to table and figure."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from clip_run import write_images, write_model

OPTIONS = (
    "--few_shot_clip.shots", "[1, 2]", "--few_shot_clip.seeds", "[1, 2]",
    "--few_shot_clip.training.epochs", 2, "--few_shot_clip.tip_adapter.training.epochs", 2,
    "--amu.cache_views", 2,
)  # fmt: skip
METHODS = ["zero_shot", "auxiliary", "amu", "tip_adapter", "tip_adapter_f", "linear_probe"]


@pytest.fixture
def argv(tmp_path) -> tuple:
    model = write_model(tmp_path / "model")
    images = write_images(tmp_path / "images", {"train": 6, "test": 2})
    weights = model.with_name("auxiliary.safetensors")
    auxiliary = f"[{{name: resnet_test, pretrained: {weights}}}]"
    return (
        "--protocol", "few_shot_clip", "--pretrained", model, "--backbone.name", "vit_clip_test",
        "--text.templates", '["a {}."]', "--amu.auxiliary", auxiliary, "--data.name", "folder",
        "--data.root", images, "--data.workers", 1, "--evaluation.batch_size", 6,
        "--out", tmp_path / "out",
    )  # fmt: skip


def test_one_command_writes_tables_and_figure(command, argv, tmp_path):
    pytest.importorskip("matplotlib")
    found = command("evaluate", *argv, *OPTIONS)
    assert (found.code, found.err) == (0, "")
    name = "eval_few_shot_clip_folder_test"
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {*(f"{name}.{end}" for end in ("json", "csv", "md", "png")), "report.html"}
    result = json.loads((tmp_path / "out" / f"{name}.json").read_text())
    rows = result["accuracies"]
    assert len(rows) == 6 * 2 * 2
    assert {round(row["top1"] * 6 / 100, 9) for row in rows} <= set(range(7))  # of 6 images
    assert {(row["shots"], row["seed"]) for row in rows} == {(1, 1), (1, 2), (2, 1), (2, 2)}
    zero_shot = {row["top1"] for row in rows if row["method"] == "zero_shot"}
    assert zero_shot == {result["metrics"]["zero_shot_1shot"]}
    table = (tmp_path / "out" / f"{name}.md").read_text().splitlines()
    assert [line.split(" | ")[0][2:] for line in table[2:]] == METHODS
    with (tmp_path / "out" / f"{name}.csv").open() as file:
        assert [row["method"] for row in csv.DictReader(file)] == [row["method"] for row in rows]


def test_zero_shot_is_that_of_its_own_protocol(command, argv, tmp_path):
    few = ("--few_shot_clip.methods", "[zero_shot]", "--few_shot_clip.plot", "false")
    found = command("evaluate", *argv, *OPTIONS, *few, "--amu.auxiliary", "[]")
    assert (found.code, found.err) == (0, "")
    plain = [word for word in argv if word != "few_shot_clip"]
    plain.insert(1, "zero_shot")
    at = plain.index("--amu.auxiliary")
    del plain[at : at + 2]
    assert command("evaluate", *plain).code == 0
    results = [
        json.loads((tmp_path / "out" / f"eval_{name}.json").read_text())["metrics"]
        for name in ("few_shot_clip_folder_test", "zero_shot_test")
    ]
    assert results[0]["zero_shot_1shot"] == pytest.approx(results[1]["top1"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (("--few_shot_clip.shots", "[]"), r"few_shot_clip\.shots: got \[\], expected one or more"),
        (("--few_shot_clip.seeds", "[1, 1]"), r"few_shot_clip\.seeds: got \[1, 1\]"),
        (("--few_shot_clip.shots", "[0]"), r"few_shot_clip\.shots: got \[0\], expected at least 1"),
        (("--few_shot_clip.methods", "[tip]"), r"few_shot_clip\.methods: got"),
        (("--amu.cache_views", 0), r"amu: got cache_views 0 .* trains on kept features"),
        (("--amu.auxiliary", "[]"), r"amu\.auxiliary: got an empty list"),
        (("--few_shot_clip.largest_alpha", 0), r"few_shot_clip\.largest_alpha: got 0"),
        (("--split", "val"), r"split: got val with protocol few_shot_clip"),
        (("--protocol", "knn"), r"few_shot_clip: acts on protocol few_shot_clip only"),
    ],
)
def test_mistakes_are_named(command, argv, tmp_path, changes, message):
    found = command("evaluate", *argv, *OPTIONS[:-2], *changes)
    assert found.code == 2
    assert len(found.err.splitlines()) == 1
    assert re.search(message, found.err), found.err
    assert not Path(tmp_path / "out").exists()
