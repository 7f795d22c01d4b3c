"""The page of a folder as a reader gets it: whole, self-contained, with what the folder holds."""

from __future__ import annotations

import csv
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from mindtune.errors import CheckpointError, MissingPackageError
from mindtune.report.page import offer_report, write_comparison, write_report

PIXEL = "data:image/png;base64,iVBORw0KGgo="
VOID = {"meta", "img", "br", "line", "link", "input", "hr"}


class Page(HTMLParser):
    """Text, headings and links of a page; fails where tags do not close in order."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.source = file.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for key, value in attributes if key in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)
        if self.open and self.open[-1] != "style":
            self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


def write_run(folder: Path, top1: float = 60.0, lr: float = 0.1) -> Path:
    folder.mkdir(parents=True)
    config = {"optim": {"lr": lr, "name": "sgd"}, "seed": 42, "method": "supervised"}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    records = [
        {"kind": "step", "step": 1, "loss": 2.0, "a": 1.5, "b": 0.5, "lr": lr, "grad_norm": 3.0},
        {"kind": "epoch", "step": 2, "epoch": 1, "lr": lr, "train_loss": 1.9, "eval_loss": 1.8,
         "images_per_second": 20.0, "eval_top1": top1, "eval_top5": 100.0, "eval_images": 9},
    ]  # fmt: skip
    (folder / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    result = {
        "command": "python train.py --out '<run>'",
        "selection": {"split": "val", "metric": "top1", "top1": top1, "epoch": 1, "step": 2},
        "parameters": {"trainable": 5, "total": 20, "groups": [
            {"group": "blocks.0", "trainable": 0, "total": 15},
            {"group": "head", "trainable": 5, "total": 5}]},
        "updates": 2, "seconds": 75.0, "peak_memory_mb": 1234.5, "ranks": 1,
        "versions": {"mindspore": "2.7.0"}, "split": "test",
        "metrics": {"top1": top1, "loss": 1.25, "images": 10},
    }  # fmt: skip
    (folder / "result.json").write_text(json.dumps(result))
    return folder


def write_rows(file: Path, header: list[str], rows: list[tuple]) -> None:
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])


def write_judged(folder: Path, classes: int) -> None:
    """Class k of ten images has k % 10 wrong ones, which are called the class after it."""
    per_class = [(k, f"<c{k}>", 10, 10 - k % 10, 10.0 * (10 - k % 10)) for k in range(classes)]
    write_rows(folder / "eval_test_per_class.csv", ["class", "name", "images", "correct", "top1"],
               per_class)  # fmt: skip
    answers = [
        (f"{k}-{n}.png", k, (k + 1) % classes if n < k % 10 else k, 0.9, 0.1)
        for k in range(classes)
        for n in range(10)
    ]
    header = ["image", "label", "predicted", "confidence", "label_confidence"]
    write_rows(folder / "eval_test_predictions.csv", header, answers)
    error = {"image": "3.png", "label": "<c3>", "predicted": "<c4>", "confidence": 0.987,
             "label_confidence": 0.012, "picture": PIXEL}  # fmt: skip
    (folder / "eval_test_errors.json").write_text(json.dumps([error]))


def test_a_run_from_its_log_and_result_alone(tmp_path):
    page = Page(write_report(write_run(tmp_path / "run")))
    assert page.headings == ["Training", "Parameters", "Configuration", "Environment"]
    for words in ("60.00 %", "1.2500", "1 min 15 s", "1,234 MiB", "20 images/s",
                  "head 5 5 100.00 %", "all 5 20 25.00 %", "optim.lr 0.1", "mindspore 2.7.0",
                  "--out '<run>'",
                  "Gradient norm", "Terms of the loss", "epoch 1, update 2"):  # fmt: skip
        assert words in page.text, words
    assert "seed 42" not in page.text.split("All")[0]  # the default


def test_the_page_needs_no_other_file_and_no_script(tmp_path):
    run = write_run(tmp_path / "run")
    write_judged(run, 5)
    page = Page(write_report(run))
    assert all(link.startswith(("#", "data:")) for link in page.links)
    anchors = re.findall(r'id="([\w.-]+)"', page.source)
    assert len(anchors) == len(set(anchors))
    assert {link[1:] for link in page.links if link[0] == "#"} == set(anchors)
    assert "script" not in page.tags
    assert "url(" not in page.source
    assert "http" not in page.source
    assert "prefers-color-scheme: dark" in page.source


def test_a_few_classes_are_a_matrix(tmp_path):
    run = write_run(tmp_path / "run")
    write_judged(run, 5)
    page = Page(write_report(run))
    assert "Confusion matrix, test" in page.headings
    assert "3 <c3> · · · 7 3" in page.text
    assert "<c3> called <c4>" in page.text
    assert "sure to 98.7 %" in page.text
    assert "<c2> 80.0 %" in page.text


def test_many_classes_are_the_worst_of_them(tmp_path):
    run = write_run(tmp_path / "run")
    write_judged(run, 40)
    page = Page(write_report(run))
    assert "Most frequent confusions, test" in page.headings
    assert "<c9> <c10> 9 90.0 %" in page.text
    assert "40 classes: the worst 20, then the best 5." in page.text
    bars = page.text.split("best 5.")[1].split("All 40 classes")[0]
    assert bars.split()[:3] == ["<c9>", "10.0", "%"]
    assert bars.split()[-3:] == ["<c31>", "90.0", "%"]


def test_evaluations_have_figures_of_their_own(tmp_path):
    run = write_run(tmp_path / "run")
    split = {"split": "test", "data": {"name": "birds"}}
    accuracies = {"10": {"top1": 50.0, "top5": 90.0}, "20": {"top1": 40.0, "top5": 90.0}}
    found = {
        "knn_birds_test": {
            "protocol": "knn", **split, "images": 12, "bank_images": 34, "space": "features",
            "temperature": 0.07, "before": accuracies,
            "after": {k: {"top1": v["top1"] - 1.5} for k, v in accuracies.items()},
            "metrics": {"top1": 48.5}},
        "few_shot_birds_test": {
            "protocol": "few_shot", **split,
            "few_shot": {"classifiers": ["prototype"], "shots": [1, 5], "episodes": 1000,
                         "way": 5, "queries": 15, "features": "both"},
            "metrics": {"prototype_1shot": 61.0, "prototype_1shot_interval": 0.7,
                        "prototype_5shot": 75.0, "prototype_5shot_interval": 0.5}},
        "pictures_test": {
            "protocol": "pictures", **split, "class_names": ["owl", "tit"], "labels": [0, 1, 1],
            "tsne": [[0, 1], [2, 3], [4, 4]], "pca": [[0, 1], [1, 0], [0, 0]],
            "pca_explained": [0.5, 0.25], "metrics": {"images": 3},
            "attention": [{"image": "a.png", "label": "owl", "panels": [PIXEL] * 4}]},
        "diagnose_test": {
            "protocol": "diagnose", **split,
            "attention": {"distance": [[1.0, 2.0], [3.0, 5.0]], "mean_similarity": [0.5, 0.25]},
            "metrics": {"attention_distance": 2.75}},
    }  # fmt: skip
    for name, one in found.items():
        (run / f"eval_{name}.json").write_text(json.dumps(one))
    page = Page(write_report(run))
    for words in ("10 50.00 % 48.50 % -1.50", "prototype, 1-shot 61.00 ± 0.70 %",
                  "PCA, 75 % of the variance", "Attention distance", "k-NN accuracy, birds test",
                  "attention_distance 2.7500", "farthest head, last 5"):  # fmt: skip
        assert words in page.text, words
    assert page.source.count(PIXEL) == 4
    anchors = re.findall(r'id="([\w.-]+)"', page.source)
    assert len(anchors) == len(set(anchors))


def test_a_folder_of_evaluations_alone(tmp_path):
    (tmp_path / "eval_throughput.json").write_text(
        json.dumps({"protocol": "throughput", "metrics": {"images_per_second": 12.5}})
    )
    assert "images_per_second 12.5000" in Page(write_report(tmp_path)).text


def test_runs_side_by_side(tmp_path):
    one, two = write_run(tmp_path / "one"), write_run(tmp_path / "two", 65.0, 0.3)
    write_judged(one, 3)
    write_comparison([one, two], tmp_path / "both.html")
    page = Page(tmp_path / "both.html")
    for words in ("top-1 (test) 60.00 % 65.00 %", "optim.lr 0.1 0.3", "test: <c2> 80.00 % –",  # noqa: RUF001
                  "two, last 65", "Top-1 on the selection split"):  # fmt: skip
        assert words in page.text, words
    assert "optim.name" not in page.text
    write_comparison([one, write_run(tmp_path / "other" / "one")], tmp_path / "both.html")
    assert str(tmp_path / "other" / "one") in Page(tmp_path / "both.html").text


def test_folders_that_are_no_runs(tmp_path):
    with pytest.raises(CheckpointError, match=r"holds neither config\.yaml nor eval_\*\.json"):
        write_report(tmp_path)
    with pytest.raises(CheckpointError, match="got no folder"):
        write_report(tmp_path / "none")
    run = write_run(tmp_path / "run")
    (run / "result.json").write_text('{"metrics": ')
    with pytest.raises(CheckpointError, match=r"result\.json: cannot be read"):
        write_report(run)
    assert not (run / "report.html").exists()


def test_without_jinja2_a_command_says_how_to_get_the_page(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    run = write_run(tmp_path / "run")
    said = []
    offer_report(run, said.append)
    assert said == [
        "report: not written, since jinja2 is not installed; pip install 'mindtune[report]', then "
        f"mindtune report {run}"
    ]
    with pytest.raises(MissingPackageError, match=r"pip install 'mindtune\[report\]'"):
        write_report(run)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("result.json", "[]", "content: got a list, expected an object"),
        ("result.json", '{"metrics": 3}', "metrics: got a number, expected an object"),
        ("result.json", '{"parameters": {"total": 3}}', "parameters.trainable: got nothing"),
        ("result.json", '{"selection": {"split": "val", "epoch": "a"}}', "epoch: got text"),
        ("result.json", '{"forgetting": {}}', "forgetting.after: got nothing, expected an object"),
        ("result.json", b"\xff{}", "cannot be read"),
        ("log.jsonl", "3\n", "line 1: got a number, expected an object"),
        ("log.jsonl", '{"kind": "epoch", "step": 1}\n', "line 1.images_per_second: got nothing"),
        ("log.jsonl", b"\xff\n", "cannot be read"),
        ("eval_test.json", "null", "content: got nothing, expected an object"),
        ("eval_a.json", '{"protocol": "few_shot"}', "few_shot: got nothing, expected an object"),
        ("eval_a.json", '{"protocol": "pictures"}', "labels: got nothing, expected a list"),
        ("eval_test_errors.json", '[{"image": "a.png"}]', "[1].label: got nothing, expected text"),
        (
            "eval_test_per_class.csv",
            "name,images,top1\na,two,3\n",
            "line 2, column images: got 'two",
        ),
        ("eval_test_per_class.csv", "name,images\na,2\n", "line 2, column top1: got nothing"),
        (
            "eval_test_predictions.csv",
            "label,predicted\n0,1\n9,1\n",
            "got classes 0 to 9, expected 3",
        ),
    ],
)
def test_a_file_that_holds_something_else_is_named(tmp_path, file, content, message):
    run = write_run(tmp_path / "run")
    write_judged(run, 3)
    (run / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CheckpointError) as refused:
        write_report(run)
    said = str(refused.value)
    assert said.startswith(f"{run / file}: ")
    assert message in said
    assert "remove " in said
    assert "\n" not in said
    assert not (run / "report.html").exists()
