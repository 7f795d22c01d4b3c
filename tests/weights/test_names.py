"""Name maps against re-derivations by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mindtune.errors import WeightsError
from mindtune.weights.names import canonical_names, to_timm
from mindtune.weights.readers import read_tensors


def test_google_kernels_are_matrices_of_the_same_map(data: Path) -> None:
    raw = read_tensors(data / "c_augreg" / "vit_augreg.npz").tensors
    timm = to_timm(raw).tensors
    x = np.random.default_rng(0).standard_normal(48).astype(np.float32)
    attention = "Transformer/encoderblock_1/MultiHeadDotProductAttention_1"
    parts = [
        np.einsum("c,chd->hd", x, raw[f"{attention}/{part}/kernel"])
        + raw[f"{attention}/{part}/bias"]
        for part in ("query", "key", "value")
    ]
    expected = np.concatenate([part.ravel() for part in parts])
    got = timm["blocks.1.attn.qkv.weight"] @ x + timm["blocks.1.attn.qkv.bias"]
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    out = np.einsum("hd,hdc->c", x.reshape(3, 16), raw[f"{attention}/out/kernel"])
    np.testing.assert_allclose(timm["blocks.1.attn.proj.weight"] @ x, out, rtol=1e-5, atol=1e-6)
    kernel = raw["embedding/kernel"]  # (h, w, in, out)
    assert timm["patch_embed.proj.weight"][5, 2, 3, 7] == kernel[3, 7, 2, 5]


def test_hugging_face_network_has_the_names_of_the_timm_one(data: Path) -> None:
    timm = read_tensors(data / "b_timm_vit" / "vit.safetensors").tensors
    mapped = to_timm(read_tensors(data / "a_hf_vit" / "v5_keys" / "model.safetensors").tensors)
    assert {n: a.shape for n, a in mapped.tensors.items()} == {n: a.shape for n, a in timm.items()}
    assert mapped.unused == ()


def test_query_key_value_are_stacked_in_this_order_whatever_the_order_in_the_file() -> None:
    prefix = "vit.encoder.layer.0.attention.attention"
    parts = {
        f"{prefix}.{part}.bias": np.full(2, value)
        for part, value in (("value", 3.0), ("query", 1.0), ("key", 2.0))
    }
    patch = {"vit.embeddings.patch_embeddings.projection.weight": np.zeros((2, 3, 4, 4))}
    fused = to_timm({**parts, **patch}).tensors["blocks.0.attn.qkv.bias"]
    np.testing.assert_array_equal(fused, [1, 1, 2, 2, 3, 3])


def test_parts_without_a_place_are_listed(data: Path) -> None:
    path = data / "a_hf_vit" / "backbone_v4_keys" / "model.safetensors"
    renamed = to_timm(read_tensors(path).tensors)
    assert sorted(renamed.unused) == ["pooler.dense.bias", "pooler.dense.weight"]
    google = {"embedding/kernel": np.zeros((2, 2, 3, 4)), "pre_logits/kernel": np.zeros((4, 4))}
    assert to_timm(google).unused == ("pre_logits/kernel",)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"embedding/kernel": np.zeros((3, 4))}, "expected 4 axes"),
        (
            {
                "embedding/kernel": np.zeros((2, 2, 3, 4)),
                "cls": np.zeros((1, 1, 4)),
                "opt/target/cls": np.zeros((1, 1, 4)),
            },
            "two of it",
        ),
        (
            {
                "embeddings.patch_embeddings.projection.weight": np.zeros((2, 3, 4, 4)),
                "layers.0.attention.q_proj.weight": np.zeros((2, 2)),
                "layers.0.attention.k_proj.weight": np.zeros((2, 3)),
            },
            "expected equal ones",
        ),
    ],
)
def test_impossible_sources_are_refused(tensors: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        to_timm(tensors)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["module.a.weight", "module.b.bias"], ["a.weight", "b.bias"]),
        (["module.a.weight", "b.bias"], ["module.a.weight", "b.bias"]),
        (["module.backbone.a", "module.head.b"], ["a", "head.b"]),
        (["backbone.a", "a"], ["backbone.a", "a"]),
        (["norm.gamma", "norm.beta", "backbone.x"], ["norm.weight", "norm.bias", "x"]),
        (["ls1.gamma", "norm.weight"], ["ls1.gamma", "norm.weight"]),  # layer scale, no beta
        (["gamma", "beta"], ["weight", "bias"]),
        (["a.gamma", "a.beta", "a.weight"], ["a.gamma", "a.beta", "a.weight"]),
        (
            ["bn.moving_mean", "bn.moving_variance", "bn.gamma", "bn.beta"],
            ["bn.running_mean", "bn.running_var", "bn.weight", "bn.bias"],
        ),
        ([], []),
    ],
)
def test_wrapping_is_left_out(names: list[str], expected: list[str]) -> None:
    assert list(canonical_names(names).values()) == expected
