"""Attention statistics against loops in NumPy, on attention that NumPy computes itself."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from mindspore import nn
from scipy.special import erf, softmax

from golden import golden_input
from mindtune.backbones import create_backbone
from mindtune.errors import DataError
from mindtune.evaluation.attention import Attentions, AttentionStatistics, measure_attention
from timm_weights import fill_as_timm


def normed(x: np.ndarray, p: dict[str, np.ndarray], name: str) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    scale = np.sqrt(centred.var(-1, keepdims=True) + 1e-6)
    return centred / scale * p[f"{name}.weight"] + p[f"{name}.bias"]


def dense(x: np.ndarray, p: dict[str, np.ndarray], name: str) -> np.ndarray:
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def attention_by_hand(vit: nn.Cell, images: np.ndarray) -> list[np.ndarray]:
    """Of both blocks of ``vit_test``: patches of 8, width 24, 3 heads of 8 channels."""
    p = {x.name: x.asnumpy().astype(np.float64) for x in vit.get_parameters()}
    b = len(images)
    cut = images.reshape(b, 3, 4, 8, 4, 8).transpose(0, 2, 4, 1, 3, 5).reshape(b, 16, 192)
    patches = cut @ p["patch_embed.proj.weight"].reshape(24, 192).T + p["patch_embed.proj.bias"]
    x = np.concatenate([np.tile(p["cls_token"], (b, 1, 1)), patches], 1) + p["pos_embed"]
    found = []
    for i in range(2):
        qkv = dense(normed(x, p, f"blocks.{i}.norm1"), p, f"blocks.{i}.attn.qkv")
        q, k, v = qkv.reshape(b, 17, 3, 3, 8).transpose(2, 0, 3, 1, 4)  # (B, H, N, d) each
        found.append(softmax(q @ k.transpose(0, 1, 3, 2) / math.sqrt(8), axis=-1))
        mixed = (found[-1] @ v).transpose(0, 2, 1, 3).reshape(b, 17, 24)
        x = x + dense(mixed, p, f"blocks.{i}.attn.proj")
        hidden = dense(normed(x, p, f"blocks.{i}.norm2"), p, f"blocks.{i}.mlp.fc1")
        gelu = hidden * (1 + erf(hidden / math.sqrt(2))) / 2
        x = x + dense(gelu, p, f"blocks.{i}.mlp.fc2")
    return found


def distances_by_hand(layer: np.ndarray) -> np.ndarray:
    """(H,) of attention (B, H, 17, 17) on a 4 x 4 grid of patches of 8 pixels."""
    total = np.zeros(layer.shape[1])
    for image, head in itertools.product(range(len(layer)), range(layer.shape[1])):
        for query in range(16):
            weights = layer[image, head, 1 + query, 1:]
            for key in range(16):
                rows, columns = key // 4 - query // 4, key % 4 - query % 4
                share = weights[key] / weights.sum()
                total[head] += share * 8 * math.hypot(rows, columns)
    return total / (16 * len(layer))


def similarity_by_hand(layer: np.ndarray) -> float:
    cosines = []
    for image, query in itertools.product(range(len(layer)), range(17)):
        for one, other in itertools.combinations(layer[image, :, query], 2):
            cosines.append(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))
    return float(np.mean(cosines))


@pytest.fixture
def vit() -> nn.Cell:
    backbone = create_backbone("vit_test", drop_path=0.5)
    fill_as_timm(backbone)
    return backbone


def test_statistics_of_a_tiny_vit_are_those_by_hand(vit):
    images = golden_input("image", (3, 3, 32, 32)).asnumpy()
    filled = np.concatenate([images, images[-1:]])  # as a last batch is filled up
    labels, valid = np.zeros(2, np.int32), np.array([True, True])
    batches = [(filled[:2], labels, valid), (filled[2:], labels, np.array([True, False]))]
    vit.set_train(True)
    found = measure_attention(vit, batches)
    assert vit.training
    expected = attention_by_hand(vit, images)
    assert found.images == 3
    by_hand = [distances_by_hand(layer) for layer in expected]
    np.testing.assert_allclose(found.distances(), by_hand, rtol=1e-4)
    by_hand = [similarity_by_hand(layer) for layer in expected]
    np.testing.assert_allclose(found.mean_similarities(), by_hand, rtol=1e-4)
    diagonal = np.diagonal(found.similarities(), axis1=1, axis2=2)
    np.testing.assert_allclose(diagonal, 1, rtol=1e-6)


@pytest.mark.parametrize(
    "name", ["vit_test", "fd_vit_test", "fd_vit_test_student", "vit_clip_test"]
)
def test_the_last_layer_is_the_one_that_backbones_give_alone(name):
    backbone = create_backbone(name)
    images = golden_input("image", (2, 3, 32, 32))
    layers = Attentions(backbone)(images)
    assert len(layers) == 2
    alone = backbone.forward_attention(images).asnumpy()
    np.testing.assert_allclose(layers[-1].asnumpy(), alone, rtol=1e-4, atol=1e-6)


def test_heads_that_look_at_themselves_and_everywhere():
    sharp, even = np.eye(17)[None, None], np.full((1, 1, 17, 17), 1 / 17)
    found = AttentionStatistics(32, 1)
    found.add([np.concatenate([sharp, even], axis=1)])
    mean_gap = np.mean([math.hypot(a - c, b - d) for a, b, c, d in np.ndindex(4, 4, 4, 4)])
    np.testing.assert_allclose(found.distances(), [[0, 8 * mean_gap]], atol=1e-12)
    np.testing.assert_allclose(found.mean_similarities(), [1 / math.sqrt(17)])


def test_a_single_head_is_like_no_other():
    found = AttentionStatistics(32, 1)
    found.add([np.full((1, 1, 17, 17), 1 / 17)])
    assert found.mean_similarities().shape == (0,)


def test_no_images_are_refused(vit):
    with pytest.raises(DataError, match="got no images"):
        measure_attention(vit, [])
