"""What ``mindtune weights`` says of a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mindtune import console
from mindtune.backbones import create_backbone
from mindtune.converting import convert
from mindtune.parameters import named_weights
from mindtune.weights.cure import guess_architecture
from mindtune.weights.save import save_safetensors

WEIGHTS = Path(__file__).parent / "data" / "weights"
CLIP = WEIGHTS / "d_clip"


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]):
    """Run the command; its exit code, and what it printed by label."""

    def run(*argv: object) -> tuple[int, dict[str, list[str]], str]:
        capsys.readouterr()
        code = console.main([str(word) for word in argv])
        shown = capsys.readouterr()
        labels: dict[str, list[str]] = {}
        for line in shown.out.splitlines():
            label, _, words = line.partition(" ")
            labels.setdefault(label, []).append(words.strip())
        return code, labels, shown.err

    return run


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (
            CLIP / "openai_vit_jit.pt",
            {
                "format": "TorchScript archive",
                "names": "OpenAI CLIP",
                "architecture": "CLIP's ViT",
                "tensors": "53, 172,996 values",
                "types": "float16 (27), float32 (23), int64 (3)",
                "fits": "vit_clip_test",
            },
        ),
        (
            CLIP / "hf_clip",
            {
                "format": "safetensors",
                "names": "Hugging Face CLIP",
                "fits": "no registered backbone",
            },
        ),
        (
            WEIGHTS / "h_hier" / "swin_original_keys.pth",
            {"names": "original Swin", "architecture": "Swin", "head": "linear, 6 classes"},
        ),
        (
            WEIGHTS / "h_hier" / "convnext_fb_keys_channels_last.pth",
            {
                "names": "Facebook ConvNeXt",
                "architecture": "ConvNeXt",
                "fits": "convnext_test",
                "head": "linear, 6 classes",
            },
        ),
        (
            WEIGHTS / "e_moco" / "r-50-tiny.pth.tar",
            {"names": "MoCo", "architecture": "ResNet", "fits": "resnet_test"},
        ),
        (
            WEIGHTS / "b_timm_vit" / "small_bf16.safetensors",
            {"types": "bfloat16 (32)", "architecture": "ViT"},
        ),
        (
            WEIGHTS / "c_augreg" / "vit_augreg.npz",
            {"format": "NumPy archive", "names": "Google ViT"},
        ),
        (
            WEIGHTS / "b_timm_vit" / "small_legacy_format.pth",
            {"format": "torch file (before torch 1.6), network model"},
        ),
        (
            WEIGHTS.parents[2] / "weights" / "vit_digits_patch4_16.safetensors",
            {"fits": "vit_digits_patch4_16", "head": "linear, 5 classes"},
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_what_a_file_is(said, file: Path, expected: dict[str, str]) -> None:
    code, labels, _ = said("weights", file)
    assert code == 0
    assert {label: labels[label][0] for label in expected} == expected


@pytest.mark.parametrize(
    ("backbone", "architecture"),
    [
        ("swin_test", "Swin"),
        ("swinv2_test", "Swin V2"),
        ("fd_vit_test", "BEiT (a ViT with relative positions)"),
        ("fd_vit_test_student", "BEiT (a ViT with relative positions)"),
        ("convnext_test", "ConvNeXt"),
        ("as_mlp_test", "AS-MLP"),
        ("resnet_test", "ResNet"),
        ("resnet_clip_test", "CLIP's ResNet"),
    ],
)
def test_architecture_of_each_backbone(backbone: str, architecture: str) -> None:
    assert guess_architecture(named_weights(create_backbone(backbone))) == architecture


def test_metadata_and_configuration_are_shown(said) -> None:
    _, labels, _ = said("weights", WEIGHTS / "b_timm_vit" / "training_checkpoint.pth.tar")
    assert "arch: vit_tiny_custom" in labels["metadata"]
    _, labels, _ = said("weights", WEIGHTS / "a_hf_vit" / "v4_keys")
    assert 'config.json model_type: "vit"' in labels["metadata"]


def test_another_image_size_fits_too(said, tmp_path: Path) -> None:
    network = create_backbone("vit_clip_test", image_size=48)
    tensors = {n: p.asnumpy() for n, p in named_weights(network).items()}
    save_safetensors(tmp_path / "a.safetensors", tensors, {})
    _, labels, _ = said("weights", tmp_path / "a.safetensors")
    assert labels["fits"] == ["vit_clip_test (another image size: positions would be resized)"]


def test_nearest_backbone_of_a_file_that_fits_none(said, tmp_path: Path) -> None:
    network = create_backbone("vit_test")
    tensors = {n: p.asnumpy() for n, p in named_weights(network).items()}
    del tensors["norm.bias"]
    save_safetensors(tmp_path / "a.safetensors", tensors, {})
    _, labels, _ = said("weights", tmp_path / "a.safetensors")
    assert labels["fits"] == ["no registered backbone; the nearest is vit_test: 1 missing"]


def test_every_tensor_on_request(said) -> None:
    file = CLIP / "openai_vit.pt"
    short, long = said("weights", file)[1], said("weights", file, "--all")[1]
    assert any("more (--all lists them)" in line for line in short[""])
    assert len([line for line in long[""] if line]) == 50


def test_network_of_a_checkpoint(said, tmp_path: Path) -> None:
    file = WEIGHTS / "b_timm_vit" / "dino_training.pth"
    code, _, err = said("weights", file)
    assert code == 1
    assert "--pretrained_key teacher" in err
    _, labels, _ = said("weights", file, "--pretrained_key", "teacher")
    assert labels["format"] == ["torch file (zip), network teacher"]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (WEIGHTS / "bad" / "malicious_os_system.pth", "asks to call posix.system"),
        ("absent.pth", "weights absent.pth: no such file or run folder; check the path"),
    ],
)
def test_faults_are_one_line(said, file: Path | str, message: str) -> None:
    code, labels, err = said("weights", file)
    assert code == 1
    assert labels == {}
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


def test_names_that_would_break_the_terminal_are_escaped(said, tmp_path: Path) -> None:
    save_safetensors(tmp_path / "a.safetensors", {"\x1b[2J": np.zeros(1, np.float32)}, {})
    _, labels, _ = said("weights", tmp_path / "a.safetensors")
    assert not any("\x1b" in line for lines in labels.values() for line in lines)


def test_converted_file_is_recognised(said, tmp_path: Path) -> None:
    convert(str(CLIP / "openai_vit.pt"), tmp_path / "hf.safetensors", "safetensors-hf")
    _, labels, _ = said("weights", tmp_path / "hf.safetensors")
    assert labels["names"] == ["Hugging Face CLIP"]
    assert labels["fits"] == ["vit_clip_test"]
