"""The ViT on files that real tools wrote: logits equal to theirs (tests/data/weights)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor

from mindtune.backbones import VisionTransformer, ViTArchitecture
from mindtune.heads.linear import LinearHead
from mindtune.networks.classifier import Classifier
from mindtune.preprocessing import Preprocessing
from mindtune.weights.load import load_weights
from mindtune.weights.readers import read_tensors
from timm_weights import assert_close

FILES = Path(__file__).parents[1] / "data" / "weights"
EXPECTED = np.load(FILES / "expected.npz")

TIMM = ViTArchitecture(8, 48, 3, 3, mlp_ratio=2)
SMALL = ViTArchitecture(8, 18, 2, 3)
TRAINED = "b_timm_vit/training_checkpoint.pth.tar"
HF = ViTArchitecture(8, 48, 3, 3, mlp_ratio=2, norm_eps=1e-12)


def classifier(arch: ViTArchitecture, classes: int, image_size: int = 32) -> Classifier:
    backbone = VisionTransformer(arch, Preprocessing(image_size))
    return Classifier(backbone, LinearHead(arch.embed_dim, classes, 1))


@pytest.mark.parametrize(
    ("arch", "classes", "file", "key", "case", "images", "logits"),
    [
        (TIMM, 10, "b_timm_vit/vit.pth", None, "b_vit", "image", "logits"),
        (TIMM, 10, "b_timm_vit/vit.safetensors", None, "b_vit", "image", "logits"),
        (TIMM, 10, "c_augreg/vit_augreg.npz", None, "b_vit", "image", "logits"),
        (SMALL, 5, "c_augreg/small_opt_target_prefix.npz", None, "b_training", "image", "logits"),
        (SMALL, 5, "b_timm_vit/small_legacy_format.pth", None, "b_training", "image", "logits"),
        (SMALL, 5, "b_timm_vit/small_dataparallel.pth", None, "b_training", "image", "logits"),
        (SMALL, 5, TRAINED, None, "b_training", "image", "logits"),
        (SMALL, 5, TRAINED, "state_dict_ema", "b_training", "image", "logits_ema"),
        (SMALL, 5, "b_timm_vit/small_bf16.safetensors", None, "b_bf16", None, "logits"),
        (HF, 10, "a_hf_vit/v4_keys/model.safetensors", None, "a_hf_vit", "pixel_values", "logits"),
        (HF, 10, "a_hf_vit/v5_keys/model.safetensors", None, "a_hf_vit", "pixel_values", "logits"),
    ],
)
def test_logits_equal_those_of_the_tool_that_wrote_the_file(
    arch, classes, file, key, case, images, logits
):
    network = classifier(arch, classes)
    load_weights(network, FILES / file, key=key)
    # The bfloat16 file was made from the small network and shares its image.
    image = EXPECTED[f"{case}/{images}" if images else "b_training/image"]
    assert_close(network(Tensor(image)), EXPECTED[f"{case}/{logits}"])


def test_a_network_without_a_head_that_hugging_face_wrote():
    arch = ViTArchitecture(8, 24, 2, 3, mlp_ratio=2, norm_eps=1e-12)
    backbone = VisionTransformer(arch, Preprocessing(32))
    report = load_weights(backbone, FILES / "a_hf_vit" / "backbone_v4_keys")
    assert sorted(report.dropped) == ["pooler.dense.bias", "pooler.dense.weight"]
    tokens, _ = backbone(Tensor(EXPECTED["a_hf_backbone/pixel_values"]))
    assert_close(tokens, EXPECTED["a_hf_backbone/last_hidden_state"])


@pytest.mark.parametrize("key", ["teacher", "student"])
def test_either_network_of_dino(key):
    backbone = VisionTransformer(ViTArchitecture(8, 18, 1, 3), Preprocessing(32))
    load_weights(backbone, FILES / "b_timm_vit/dino_training.pth", key=key, dropped=["head"])
    tokens, pooled = backbone(Tensor(EXPECTED["b_dino/image"]))
    assert_close(pooled, EXPECTED[f"b_dino/{key}_feature"])
    if key == "teacher":
        assert_close(tokens, EXPECTED["b_dino/teacher_tokens"])


def test_a_larger_grid_takes_the_resized_position_embedding():
    network = classifier(TIMM, 10, image_size=64)
    file = read_tensors(FILES / "b_timm_vit/vit.safetensors")
    report = load_weights(network, file, grid=network.backbone.patch_embed.grid_size)
    assert report.resized == ("pos_embed 4 x 4 -> 8 x 8",)
    loaded = network.backbone.pos_embed.asnumpy()
    assert loaded.shape == (1, 65, 48)
    np.testing.assert_array_equal(loaded[:, 0], file.tensors["pos_embed"][:, 0])
    # Bicubic without aligned corners keeps the mean of a smooth field nearly: never random values.
    assert (
        np.abs(loaded[:, 1:].mean((0, 1)) - file.tensors["pos_embed"][:, 1:].mean((0, 1))).max()
        < 0.05
    )
