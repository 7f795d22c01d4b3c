"""ViT-B/16 of timm and of transformers, both ways."""

from __future__ import annotations

import torch
from mindspore import Tensor
from safetensors.torch import save_file
from transformers import ViTConfig, ViTForImageClassification

from mindtune.backbones import VisionTransformer, ViTArchitecture, create_backbone
from mindtune.heads.linear import LinearHead
from mindtune.networks.classifier import Classifier
from mindtune.preprocessing import Preprocessing
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


def test_timm(tmp_path):
    model = timm.create_model("vit_base_patch16_224", num_classes=CLASSES).eval()
    torch.save({"state_dict": model.state_dict()}, tmp_path / "timm.pth")
    backbone = create_backbone("vit_base_patch16_224")
    network = Classifier(backbone, LinearHead(768, CLASSES, 1))
    assert not load_weights(network, tmp_path / "timm.pth").new
    with torch.no_grad():
        assert_near(network(Tensor(images())), model(torch.from_numpy(images())))
    assert_back_in_timm(network, model, tmp_path)


def test_transformers(tmp_path):
    config = ViTConfig(num_labels=CLASSES)
    model = ViTForImageClassification(config).eval()
    arch = ViTArchitecture(16, 768, 12, 12, norm_eps=config.layer_norm_eps)
    network = Classifier(VisionTransformer(arch, Preprocessing(224)), LinearHead(768, CLASSES, 1))
    assert_loads_from_transformers(network, model, tmp_path)
    assert_back_in_transformers(network, model, tmp_path)


def test_image_tower_of_clip_in_timm(tmp_path):
    model = timm.create_model("vit_base_patch32_clip_quickgelu_224", num_classes=CLASSES).eval()
    save_file(model.state_dict(), tmp_path / "timm.safetensors")
    backbone = create_backbone("vit_base_patch32_clip_224")
    network = Classifier(backbone, LinearHead(768, CLASSES, 1))
    assert not load_weights(network, tmp_path / "timm.safetensors").new
    with torch.no_grad():
        assert_near(network(Tensor(images())), model(torch.from_numpy(images())))
    assert_back_in_timm(network, model, tmp_path)
