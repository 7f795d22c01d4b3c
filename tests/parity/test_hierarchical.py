"""Swin-T and ConvNeXt-T of timm and of transformers, both ways."""

from __future__ import annotations

import pytest
import torch
from mindspore import Tensor
from safetensors.torch import save_file
from transformers import (
    ConvNextConfig,
    ConvNextForImageClassification,
    SwinConfig,
    SwinForImageClassification,
)

from mindtune.backbones import create_backbone
from mindtune.heads.linear import LINEAR_HEADS
from mindtune.networks.classifier import Classifier
from mindtune.weights.load import load_weights
from parity.both_ways import (
    assert_back_in_timm,
    assert_back_in_transformers,
    assert_loads_from_transformers,
    assert_near,
    images,
)
from timm_without_torchvision import timm

CLASSES = 7
SWIN, CONVNEXT = "swin_tiny_patch4_window7_224", "convnext_tiny"


def moved(model: torch.nn.Module) -> torch.nn.Module:
    """Vectors and tables of biases away from where they start: a layer scale of 1e-6 hides all."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1 or "bias_table" in name:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return model.eval()


def ours(name: str) -> Classifier:
    backbone = create_backbone(name)
    head = LINEAR_HEADS[backbone.classifier](backbone.num_features, CLASSES, 0)
    return Classifier(backbone, head).set_train(False)


@pytest.mark.parametrize("name", [SWIN, CONVNEXT])
def test_timm(tmp_path, name):
    model = moved(timm.create_model(name, num_classes=CLASSES))
    save_file(model.state_dict(), tmp_path / "timm.safetensors")
    network = ours(name)
    assert not load_weights(network, tmp_path / "timm.safetensors").new
    with torch.no_grad():
        features = model.forward_features(torch.from_numpy(images()))
        logits = model.forward_head(features)
    maps = features.flatten(1, 2) if name == SWIN else features.flatten(2).transpose(1, 2)
    tokens, pooled = network.backbone(Tensor(images()))
    assert_near(tokens, maps)
    assert_near(network.head(tokens, pooled), logits)
    assert_back_in_timm(network, model, tmp_path)


@pytest.mark.parametrize(
    ("name", "kind", "config"),
    [
        (SWIN, SwinForImageClassification, SwinConfig),
        (CONVNEXT, ConvNextForImageClassification, ConvNextConfig),
    ],
    ids=["swin", "convnext"],
)
def test_transformers(tmp_path, name, kind, config):
    model, network = moved(kind(config(num_labels=CLASSES))), ours(name)
    assert_loads_from_transformers(network, model, tmp_path)
    assert_back_in_transformers(network, model, tmp_path)
