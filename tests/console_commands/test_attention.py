"""``mindtune attention``: the picture shows the attention that the network has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor
from PIL import Image
from safetensors.numpy import load_file, save_file

import mindtune
from mindtune import cli, commands
from mindtune.console import main
from mindtune.evaluation.class_attention import draw_attention
from mindtune.tuning.psrp import add_psrp
from mindtune.weights.load import load_weights

IMAGES = Path(__file__).parents[1] / "data" / "images"
PHOTOGRAPHS = [IMAGES / f"{name}.jpg" for name in ("locomotive", "zebra")]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("trained") / "run"
    assert cli.run(commands.train, ["--smoke", "--tuning.modes", "[psrp]", "--out", str(run)]) == 0
    return run


def panels_of(picture: Image.Image, count: int) -> list[np.ndarray]:
    side = 224
    assert picture.size == (4 * side, -(-count // 4) * side)
    pixels = np.asarray(picture)
    corners = [(place // 4 * side, place % 4 * side) for place in range(4 * -(-count // 4))]
    return [pixels[y : y + side, x : x + side] for y, x in corners]


def test_bright_is_where_attention_is():
    maps = np.full((3, 4, 4), 1e-3)
    maps[0, 0, 0] = maps[1, 3, 1] = maps[2, 3, 1] = 1
    picture = draw_attention(Image.new("RGB", (32, 32), (128, 128, 128)), maps)
    panels = panels_of(picture, 5)
    assert np.all(panels[0] == 128)
    for panel, (row, column) in zip(panels[1:5], ((3, 1), (0, 0), (3, 1), (3, 1))):
        patches = panel.astype(float).reshape(4, 56, 4, 56, 3).mean((1, 3, 4))
        assert np.unravel_index(patches.argmax(), (4, 4)) == (row, column)
        assert np.median(patches) < 60 < 120 < patches.max()
    assert np.all(np.stack(panels[5:]) == 255)


@pytest.mark.parametrize("size", [32, 48])
def test_the_maps_are_the_class_tokens_last_attention(size, trained, tmp_path, capsys):
    """Of all heads, over the crop that the network saw."""
    options = ["--pretrained", trained, "--image_size", size, "--position_resize", "scale"]
    argv = [*PHOTOGRAPHS, *options, "--out", tmp_path / "pictures"]
    assert main(["attention", *map(str, argv)]) == 0
    written = [tmp_path / "pictures" / f"{path.stem}_attention.png" for path in PHOTOGRAPHS]
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("weights: ")
    assert out[1:] == [str(path) for path in written]
    for photograph, path in zip(PHOTOGRAPHS, written):
        image = Image.open(photograph).convert("RGB")
        expected = draw_attention(*crop_and_maps(image, size, trained))
        difference = np.asarray(expected).astype(int) - np.asarray(Image.open(path)).astype(int)
        assert np.abs(difference).max() <= 1
        assert len({panel.tobytes() for panel in panels_of(Image.open(path), 5)[:5]}) == 5


def crop_and_maps(image: Image.Image, size: int, run: Path) -> tuple[Image.Image, np.ndarray]:
    """What the network saw, and its attention, by its own methods."""
    sides = [size * side // min(image.size) for side in image.size]
    resized = image.resize(sides, Image.BICUBIC)
    left, top = (round((side - size) / 2) for side in sides)
    crop = resized.crop((left, top, left + size, top + size))
    backbone = mindtune.create_backbone("vit_test", size)
    add_psrp(backbone, width=16, init="zero")
    best = run / "checkpoints" / "best.safetensors"
    grid = backbone.grid_size
    load_weights(backbone, best, dropped=["head"], grid=grid, position_resize="scale")
    backbone.set_train(False)
    pixels = ((np.asarray(crop) / 255 - 0.5) / 0.5).transpose(2, 0, 1)[None]
    attention = backbone.forward_attention(Tensor(pixels.astype(np.float32))).asnumpy()
    return crop, attention[0, :, 0, 1:].reshape(3, *grid)


def test_a_file_of_another_tool_needs_the_backbones_name(trained, tmp_path, capsys):
    stored = load_file(trained / "checkpoints" / "best.safetensors")
    save_file({k: v for k, v in stored.items() if "psrp" not in k}, tmp_path / "vit.safetensors")
    argv = ["attention", str(PHOTOGRAPHS[0]), "--pretrained", str(tmp_path / "vit.safetensors")]
    argv += ["--out", str(tmp_path)]
    assert main(argv) != 0
    assert "does not say its own, expected --backbone NAME" in capsys.readouterr().err
    assert main([*argv, "--backbone", "vit_test"]) == 0
    assert (tmp_path / "locomotive_attention.png").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.jpg"], "image nowhere.jpg: cannot be decoded"),
        ([str(PHOTOGRAPHS[0])] * 2, "got two for which locomotive_attention.png would be written"),
        ([str(PHOTOGRAPHS[0]), "--image_size", "33"], "expected a multiple of the patch size"),
        ([str(PHOTOGRAPHS[0]), "--backbone", "swin_test"], "swin_test, which has no class token"),
    ],
)
def test_mistakes_are_one_line(words, message, trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["attention", *words, "--pretrained", str(trained)]) != 0
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.glob("*.png")) == []
