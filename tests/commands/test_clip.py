"""CLIP's image tower through the commands, from OpenAI's archive and from a Hugging Face folder."""

from __future__ import annotations

import json
from pathlib import Path

from mindtune.converting import convert

CLIP = Path(__file__).parents[1] / "data" / "weights" / "d_clip" / "openai_vit_jit.pt"
BACKBONE = ("--backbone.name", "vit_clip_test", "--backbone.image_size", 32)
MOMENT = ("--tuning.modes", "[psrp]", "--head.name", "moment", "--head.tokens", "unnormed")


def test_moment_probing_on_clip(command, tmp_path):
    out = tmp_path / "run"
    trained = command("train", "--smoke", *BACKBONE, *MOMENT, "--pretrained", CLIP, "--out", out)
    assert trained.code == 0
    assert "OpenAI CLIP names" in trained.out
    assert "mean=(0.48145466" in command("evaluate", "--pretrained", out).out
    exported = command("export", "--pretrained", out, "--file_format", "ONNX")
    assert exported.code == 0
    assert json.loads((out / "model.onnx.json").read_text())["largest_difference"] < 1e-4


def test_hugging_face_folder(command, tmp_path):
    folder = tmp_path / "hf"
    folder.mkdir()
    convert(str(CLIP), folder / "model.safetensors", "safetensors-hf")
    argv = ("--smoke", *BACKBONE, "--pretrained", folder, "--out", tmp_path / "run")
    trained = command("train", *argv)
    assert trained.code == 0
    assert "Hugging Face CLIP names" in trained.out
    assert not (folder / "config.yaml").exists()
    evaluated = command("evaluate", "--smoke", *BACKBONE, "--pretrained", folder, "--config", "a")
    assert evaluated.code != 0
    assert [file.name for file in folder.iterdir()] == ["model.safetensors"]
