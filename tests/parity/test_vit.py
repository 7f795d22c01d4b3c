"""ViT-B/16 of timm and of transformers, both ways."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mindspore import Tensor
from safetensors.torch import load_file, save_file
from transformers import ViTConfig, ViTForImageClassification

from mindtune.backbones import VisionTransformer, ViTArchitecture, create_backbone
from mindtune.classifier import Classifier
from mindtune.converting import convert
from mindtune.heads.linear import LinearHead
from mindtune.parameters import named_weights
from mindtune.preprocessing import Preprocessing
from mindtune.weights.load import load_weights
from mindtune.weights.save import save_safetensors
from timm_without_torchvision import timm

CLASSES = 7


def images() -> np.ndarray:
    return np.random.default_rng(2).standard_normal((2, 3, 224, 224)).astype(np.float32)


def written(network: Classifier, folder: Path, form: str) -> Path:
    """The network's weights, saved here and converted to ``form``."""
    ours = {name: p.asnumpy() for name, p in named_weights(network).items()}
    save_safetensors(folder / "ours.safetensors", ours, {})
    target = folder / "model.safetensors"
    convert(str(folder / "ours.safetensors"), target, form)
    return target


def assert_equal_logits(network: Classifier, expected: np.ndarray) -> None:
    found = network(Tensor(images())).asnumpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_timm(tmp_path, suffix):
    model = timm.create_model("vit_base_patch16_224", num_classes=CLASSES).eval()
    file = tmp_path / f"timm.{suffix}"
    if suffix == "pth":
        torch.save({"state_dict": model.state_dict()}, file)
    else:
        save_file(model.state_dict(), file)
    backbone = create_backbone("vit_base_patch16_224")
    network = Classifier(backbone, LinearHead(768, CLASSES, 1))
    assert not load_weights(network, file).new
    with torch.no_grad():
        assert_equal_logits(network, model(torch.from_numpy(images())).numpy())
    back = load_file(written(network, tmp_path, "safetensors-timm"))
    assert not any(model.load_state_dict(back, strict=True))
    original = torch.load(file)["state_dict"] if suffix == "pth" else load_file(file)
    for name, tensor in original.items():
        np.testing.assert_array_equal(back[name].numpy(), tensor.numpy(), name)


@pytest.mark.parametrize("original_names", [True, False], ids=["names_of_4", "names_of_5"])
def test_transformers(tmp_path, original_names):
    config = ViTConfig(num_labels=CLASSES)
    model = ViTForImageClassification(config).eval()
    model.save_pretrained(tmp_path / "theirs", save_original_format=original_names)
    arch = ViTArchitecture(16, 768, 12, 12, norm_eps=config.layer_norm_eps)
    network = Classifier(VisionTransformer(arch, Preprocessing(224)), LinearHead(768, CLASSES, 1))
    assert not load_weights(network, tmp_path / "theirs").new
    with torch.no_grad():
        assert_equal_logits(network, model(torch.from_numpy(images())).logits.numpy())
    written(network, tmp_path, "safetensors-hf")
    config.save_pretrained(tmp_path)
    back, report = ViTForImageClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(back.state_dict()[name].numpy(), tensor.numpy(), name)


def test_image_tower_of_clip_in_timm(tmp_path):
    model = timm.create_model("vit_base_patch32_clip_quickgelu_224", num_classes=CLASSES).eval()
    save_file(model.state_dict(), tmp_path / "timm.safetensors")
    backbone = create_backbone("vit_base_patch32_clip_224")
    network = Classifier(backbone, LinearHead(768, CLASSES, 1))
    assert not load_weights(network, tmp_path / "timm.safetensors").new
    with torch.no_grad():
        assert_equal_logits(network, model(torch.from_numpy(images())).numpy())
    back = load_file(written(network, tmp_path, "safetensors-timm"))
    assert not any(model.load_state_dict(back, strict=True))
