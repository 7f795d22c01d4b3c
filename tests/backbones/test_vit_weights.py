"""The ViT on files that real tools wrote: logits equal to theirs (tests/data/weights)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor

from mindtune.backbones import VisionTransformer, ViTArchitecture
from mindtune.classifier import Classifier
from mindtune.heads.linear import LinearHead
from mindtune.preprocessing import Preprocessing
from mindtune.weights.load import load_weights
from mindtune.weights.readers import read_tensors

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
    expected = EXPECTED[f"{case}/{logits}"]
    tolerance = 2e-5 * max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(network(Tensor(image)).asnumpy(), expected, rtol=0, atol=tolerance)


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
