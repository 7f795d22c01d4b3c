"""``mindtune predict``: the same answers from a run, its file and what was exported."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor
from PIL import Image
from safetensors.numpy import load_file, save_file
from sklearn.datasets import load_digits

from mindtune import assemble, cli, commands
from mindtune.config import RunConfig, from_plain
from mindtune.console import main
from mindtune.pretrained import load_for_evaluation, read_pretrained

ZEBRA = Path(__file__).parents[1] / "data" / "images" / "zebra.jpg"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert cli.run(commands.train, ["--smoke", "--optim.lr", "0.1", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("digits")
    pixels = np.rint(load_digits().images[:2] * (255 / 16)).astype(np.uint8)
    for number, grey in enumerate(pixels):
        Image.fromarray(grey).convert("RGB").resize((32, 32)).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


def answers(out: str) -> list[tuple[str, float]]:
    return [(name, float(share)) for name, share in re.findall(r"^  (\S+) +([\d.]+) %", out, re.M)]


def expected(run: Path, image: Path) -> list[tuple[str, float]]:
    """By the network itself."""
    pretrained = read_pretrained(str(run))
    network = assemble.build_classifier(from_plain(RunConfig, pretrained.header["config"]), 10)
    load_for_evaluation(network, pretrained)
    network.set_train(False)
    pixels = np.asarray(Image.open(image), np.float32) / 255  # 32 x 32, as the network wants it
    batch = ((pixels - 0.5) / 0.5).transpose(2, 0, 1)[None].astype(np.float32)
    logits = network(Tensor(batch)).asnumpy()[0].astype(np.float64)
    shares = 100 * np.exp(logits) / np.exp(logits).sum()
    return sorted(zip(pretrained.class_names, shares), key=lambda pair: -pair[1])[:5]


@pytest.mark.parametrize("fixed", [[], ["--fixed_batch", "3"]])
def test_a_run_and_its_export_answer_alike(fixed, run, digits, tmp_path, capsys):
    file = tmp_path / "model.mindir"
    argv = ["--pretrained", str(run), "--file", str(file), *fixed]
    assert main(["export", *argv]) == 0
    found = []
    for weights in (run, run / "checkpoints" / "best.safetensors", file):
        capsys.readouterr()
        assert main(["predict", *map(str, digits), "--pretrained", str(weights)]) == 0
        out = capsys.readouterr().out
        assert [line for line in out.splitlines() if line[0] != " "] == list(map(str, digits))
        found.append(answers(out))
    assert found[0] == found[1]
    wanted = [pair for image in digits for pair in expected(run, image)]
    for one in found:
        assert [name for name, _ in one] == [name for name, _ in wanted]
        shares = [share for _, share in one]
        np.testing.assert_allclose(shares, [s for _, s in wanted], atol=0.011)


def test_onnx_and_names_of_ones_own(run, digits, tmp_path, capsys):
    file = tmp_path / "model.onnx"
    argv = ["--pretrained", str(run), "--file", str(file), "--file_format", "ONNX"]
    assert main(["export", *argv]) == 0
    names = tmp_path / "names.txt"
    names.write_text("".join(f"digit{n}\n" for n in range(10)))
    capsys.readouterr()
    argv = ["predict", str(digits[0]), "--pretrained", str(file), "--class_names", str(names)]
    assert main([*argv, "--top", "99"]) == 0
    found = answers(capsys.readouterr().out)
    assert sorted(name for name, _ in found) == [f"digit{n}" for n in range(10)]
    assert [name[5:] for name, _ in found[:5]] == [name for name, _ in expected(run, digits[0])]


def nameless(run: Path, folder: Path) -> Path:
    save_file(load_file(run / "checkpoints" / "best.safetensors"), folder / "vit.safetensors")
    return folder / "vit.safetensors"


def test_a_file_of_another_tool_needs_a_backbone_and_names(run, tmp_path, capsys):
    argv = ["predict", str(ZEBRA), "--pretrained", str(nameless(run, tmp_path))]
    assert main(argv) == 2
    assert "does not say its own, expected --backbone NAME" in capsys.readouterr().err
    assert main([*argv, "--backbone", "vit_test"]) == 1
    assert "do not say their classes" in capsys.readouterr().err
    names = tmp_path / "names.txt"
    names.write_text("\n".join("0123456789"))
    argv += ["--backbone", "vit_test", "--class_names", str(names)]
    assert main(argv) == 0
    assert len(answers(capsys.readouterr().out)) == 5
    names.write_text("\n")
    assert main(argv) == 1
    assert "got no name" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        ("nowhere.jpg", [], "image nowhere.jpg: no such file"),
        ("text.jpg", [], "image text.jpg: cannot be decoded (cannot identify image file"),
        (str(ZEBRA), ["--top", "0"], "top: got 0"),
        (str(ZEBRA), ["--pretrained", "none.mindir"], "weights none.mindir: no such file"),
        (str(ZEBRA), ["--pretrained", "alone.mindir"], "alone.mindir.json beside it"),
        (str(ZEBRA), ["--class_names", "none.txt"], "class_names none.txt: cannot be read"),
        (str(ZEBRA), ["--class_names", "two.txt"], "the network"),
    ],
)
def test_mistakes_are_one_line(image, options, message, run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("text.jpg", "alone.mindir"):
        Path(name).write_text("no image")
    Path("two.txt").write_text("a\nb\n")
    assert main(["predict", image, "--pretrained", str(run), *options]) != 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    if options[:2] != ["--class_names", "two.txt"]:  # a table of misfits follows that one
        assert message in shown.err
        assert shown.err.count("\n") == 1


def test_a_run_without_a_classifier(tmp_path, capsys):
    options = ["--method", "feature_distillation", "--tuning.modes", "[full]"]
    argv = ["train", "--smoke", *options, "--out", str(tmp_path / "run")]
    assert main(argv) == 0
    assert main(["predict", str(ZEBRA), "--pretrained", str(tmp_path / "run")]) == 1
    assert "method feature_distillation, which has no classifier" in capsys.readouterr().err


def test_a_moved_export_takes_its_names_along(run, digits, tmp_path, capsys):
    file = tmp_path / "model.mindir"
    assert main(["export", "--pretrained", str(run), "--file", str(file)]) == 0
    about = json.loads((tmp_path / "model.mindir.json").read_text())
    assert len(about["class_names"]) == 10
    (tmp_path / "away").mkdir()
    for name in ("model.mindir", "model.mindir.json"):
        shutil.move(str(tmp_path / name), str(tmp_path / "away" / name))
    weights = str(tmp_path / "away" / "model.mindir")
    assert main(["predict", str(digits[0]), "--pretrained", weights]) == 0
