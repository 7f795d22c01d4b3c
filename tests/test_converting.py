"""Weights into every form and back: the same tensors, or a refusal and no file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from mindtune.converting import FORMS, convert
from mindtune.errors import CheckpointError, ConfigError, WeightsError
from mindtune.weights.names import to_timm
from mindtune.weights.readers import read_tensors

DATA = Path(__file__).parent / "data" / "weights"
VIT = DATA / "b_timm_vit" / "vit.pth"
CLIP = DATA / "d_clip" / "openai_vit_jit.pt"
SWIN = DATA / "h_hier" / "swin_original_keys.pth"
CONVNEXT = DATA / "h_hier" / "convnext_fb_keys_channels_last.pth"
RESNET = DATA / "e_moco" / "r-50-tiny.pth.tar"


def tensors_of(file: Path) -> dict[str, np.ndarray]:
    return to_timm(read_tensors(file).tensors).tensors


@pytest.mark.parametrize(
    ("source", "form"),
    [
        *((source, form) for source in (VIT, CLIP, SWIN, CONVNEXT) for form in FORMS),
        *((RESNET, form) for form in FORMS if form != "safetensors-hf"),
    ],
    ids=lambda value: value.stem if isinstance(value, Path) else value,
)
def test_there_and_back(tmp_path: Path, form: str, source: Path) -> None:
    target = tmp_path / "new"
    done = convert(str(source), target, form, num_heads=3)
    original, found = tensors_of(source), tensors_of(target)
    assert done.tensors == len(read_tensors(target).tensors)
    assert set(found) == set(original) - set(done.left_out)
    for name, array in found.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, original[name], err_msg=name)


@pytest.mark.parametrize(
    ("source", "form", "layout", "names"),
    [
        (VIT, "ckpt", "ckpt", "this package's"),
        (VIT, "npz", "npz", "Google ViT"),
        (VIT, "safetensors-timm", "safetensors", "this package's"),
        (VIT, "safetensors-hf", "safetensors", "Hugging Face ViT"),
        (CLIP, "npz", "npz", "this package's"),
        (SWIN, "npz", "npz", "this package's"),
        (SWIN, "safetensors-timm", "safetensors", "this package's"),
        (SWIN, "safetensors-hf", "safetensors", "Hugging Face Swin"),
        (CONVNEXT, "npz", "npz", "this package's"),
        (CONVNEXT, "safetensors-hf", "safetensors", "Hugging Face ConvNeXt"),
        (RESNET, "safetensors-timm", "safetensors", "this package's"),
        (CLIP, "safetensors-timm", "safetensors", "timm CLIP"),
        (CLIP, "safetensors-hf", "safetensors", "Hugging Face CLIP"),
    ],
)
def test_layout_and_names(tmp_path: Path, source: Path, form: str, layout: str, names: str) -> None:
    done = convert(str(source), tmp_path / "new", form, num_heads=3)
    assert done.names == names
    assert read_tensors(tmp_path / "new").layout == layout


def test_safetensors_say_their_format_as_transformers_asks(tmp_path: Path) -> None:
    convert(str(VIT), tmp_path / "new.safetensors", "safetensors-hf")
    with safe_open(tmp_path / "new.safetensors", framework="numpy") as file:
        assert file.metadata() == {"format": "pt"}


def test_left_out_on_request(tmp_path: Path) -> None:
    done = convert(str(VIT), tmp_path / "new", "safetensors-timm", without=["head"])
    assert done.left_out == ("head.weight", "head.bias")
    assert "head.weight" not in tensors_of(tmp_path / "new")


def test_network_of_a_training_checkpoint(tmp_path: Path) -> None:
    source = DATA / "b_timm_vit" / "training_checkpoint.pth.tar"
    convert(str(source), tmp_path / "new", "ckpt", key="state_dict_ema")
    expected = read_tensors(source, "state_dict_ema").tensors
    np.testing.assert_array_equal(tensors_of(tmp_path / "new")["pos_embed"], expected["pos_embed"])


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        (VIT, {"form": "onnx"}, ConfigError, "--to: got 'onnx', expected a known form"),
        (VIT, {"form": "npz"}, WeightsError, "width 48"),
        (
            DATA / "d_clip" / "openai_rn.pt",
            {"form": "safetensors-hf"},
            WeightsError,
            "no place among Hugging Face CLIP names",
        ),
        (DATA / "b_timm_vit" / "dino_training.pth", {"form": "ckpt"}, WeightsError, "choose one"),
        (DATA / "absent.pth", {"form": "ckpt"}, CheckpointError, "no such file"),
        (DATA / "bad" / "malicious_os_system.pth", {"form": "ckpt"}, WeightsError, "posix.system"),
    ],
)
def test_refusals_leave_no_file(tmp_path: Path, source: Path, options, error, message) -> None:
    with pytest.raises(error, match=message):
        convert(str(source), tmp_path / "new", **options)
    assert list(tmp_path.iterdir()) == []


def test_architecture_without_hugging_face_names_is_refused(tmp_path: Path) -> None:
    mixer = "layers.0.blocks.0.axial_shift.conv1.weight"
    np.savez(tmp_path / "as_mlp.npz", **{mixer: np.zeros(3), "norm.weight": np.zeros(3)})
    for source in (tmp_path / "as_mlp.npz", RESNET):
        with pytest.raises(WeightsError, match="names there are not known, expected one of Hugg"):
            convert(str(source), tmp_path / "new", "safetensors-hf")


def test_unwritable_folder(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be written"):
        convert(str(VIT), tmp_path / "absent" / "new", "ckpt")
