"""Names of other libraries in timm's words: one declarative table a source.

``{i}`` and ``{j}`` in a source name stand for numbers (of a block, a stage), which are the same in
the target, or one more where that says ``{i+1}``. Several sources with one target are parts of it,
stacked along the first axis in the order of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Layout:
    """How a source lays a tensor out: its number of axes there, and the way to timm's layout.

    ``ndim`` None: any.
    """

    ndim: int | None
    to_timm: Callable[[np.ndarray], np.ndarray]


SAME = Layout(None, lambda a: a)
CONVOLUTION = Layout(4, lambda a: a.transpose(3, 2, 0, 1))  # (h, w, in, out) -> (out, in, h, w)
DENSE = Layout(2, lambda a: a.transpose())  # (in, out) -> (out, in)
INTO_HEADS = Layout(3, lambda a: a.reshape(a.shape[0], -1).transpose())  # (C, H, d) -> (Hd, C)
OUT_OF_HEADS = Layout(3, lambda a: a.reshape(-1, a.shape[2]).transpose())  # (H, d, C) -> (C, Hd)
HEAD_BIAS = Layout(2, lambda a: a.reshape(-1))  # (H, d) -> (Hd,)


@dataclass(frozen=True)
class Entry:
    """One name of a source, and what it is called in timm."""

    source: str
    target: str
    layout: Layout = SAME


@dataclass(frozen=True)
class NameMap:
    """The names of one source.

    Attributes:
        source: what to call it in messages and reports.
        signature: names of which a file of this source has one, with or without a prefix.
        prefixes: what may stand before every name.
        entries: the table.
        unused: beginnings of names with no place in a timm network.
        also_has: further names of which such a file has one; empty: none.
    """

    source: str
    signature: tuple[str, ...]
    prefixes: tuple[str, ...]
    entries: tuple[Entry, ...]
    unused: tuple[str, ...]
    also_has: tuple[str, ...] = ()

    def recognises(self, names: Iterable[str]) -> bool:
        """Whether a file with these ``names`` is of this source."""
        listed = list(names)
        wanted = [self.signature, self.also_has] if self.also_has else [self.signature]
        return all(any(name.endswith(ends) for name in listed) for ends in wanted)


def _weight_and_bias(source: str, target: str, layout: Layout = SAME) -> tuple[Entry, ...]:
    return (
        Entry(f"{source}.weight", f"{target}.weight", layout),
        Entry(f"{source}.bias", f"{target}.bias"),
    )


def _flax_dense(source: str, target: str) -> tuple[Entry, ...]:
    return (
        Entry(f"{source}/kernel", f"{target}.weight", DENSE),
        Entry(f"{source}/bias", f"{target}.bias"),
    )


def _flax_norm(source: str, target: str) -> tuple[Entry, ...]:
    return (
        Entry(f"{source}/scale", f"{target}.weight"),
        Entry(f"{source}/bias", f"{target}.bias"),
    )


_FLAX_BLOCK = "Transformer/encoderblock_{i}"
_FLAX_ATTENTION = f"{_FLAX_BLOCK}/MultiHeadDotProductAttention_1"

GOOGLE_VIT = NameMap(
    source="Google ViT",
    signature=("embedding/kernel",),
    prefixes=("opt/target/",),
    entries=(
        Entry("cls", "cls_token"),
        Entry("embedding/kernel", "patch_embed.proj.weight", CONVOLUTION),
        Entry("embedding/bias", "patch_embed.proj.bias"),
        Entry("Transformer/posembed_input/pos_embedding", "pos_embed"),
        *_flax_norm("Transformer/encoder_norm", "norm"),
        *_flax_dense("head", "head"),
        *_flax_norm(f"{_FLAX_BLOCK}/LayerNorm_0", "blocks.{i}.norm1"),
        *_flax_norm(f"{_FLAX_BLOCK}/LayerNorm_2", "blocks.{i}.norm2"),
        Entry(f"{_FLAX_ATTENTION}/query/kernel", "blocks.{i}.attn.qkv.weight", INTO_HEADS),
        Entry(f"{_FLAX_ATTENTION}/key/kernel", "blocks.{i}.attn.qkv.weight", INTO_HEADS),
        Entry(f"{_FLAX_ATTENTION}/value/kernel", "blocks.{i}.attn.qkv.weight", INTO_HEADS),
        Entry(f"{_FLAX_ATTENTION}/query/bias", "blocks.{i}.attn.qkv.bias", HEAD_BIAS),
        Entry(f"{_FLAX_ATTENTION}/key/bias", "blocks.{i}.attn.qkv.bias", HEAD_BIAS),
        Entry(f"{_FLAX_ATTENTION}/value/bias", "blocks.{i}.attn.qkv.bias", HEAD_BIAS),
        Entry(f"{_FLAX_ATTENTION}/out/kernel", "blocks.{i}.attn.proj.weight", OUT_OF_HEADS),
        Entry(f"{_FLAX_ATTENTION}/out/bias", "blocks.{i}.attn.proj.bias"),
        *_flax_dense(f"{_FLAX_BLOCK}/MlpBlock_3/Dense_0", "blocks.{i}.mlp.fc1"),
        *_flax_dense(f"{_FLAX_BLOCK}/MlpBlock_3/Dense_1", "blocks.{i}.mlp.fc2"),
    ),
    unused=("pre_logits/",),
)

_V4_BLOCK, _V5_BLOCK = "encoder.layer.{i}", "layers.{i}"
_V4_ATTENTION = f"{_V4_BLOCK}.attention"

HUGGING_FACE_VIT = NameMap(
    source="Hugging Face ViT",
    signature=("embeddings.patch_embeddings.projection.weight",),
    prefixes=("vit.",),
    entries=(
        Entry("embeddings.cls_token", "cls_token"),
        Entry("embeddings.position_embeddings", "pos_embed"),
        *_weight_and_bias("embeddings.patch_embeddings.projection", "patch_embed.proj"),
        *_weight_and_bias("layernorm", "norm"),
        *_weight_and_bias("classifier", "head"),
        # transformers 4 and what transformers 5 still writes by default
        *_weight_and_bias(f"{_V4_BLOCK}.layernorm_before", "blocks.{i}.norm1"),
        *_weight_and_bias(f"{_V4_BLOCK}.layernorm_after", "blocks.{i}.norm2"),
        *_weight_and_bias(f"{_V4_ATTENTION}.attention.query", "blocks.{i}.attn.qkv"),
        *_weight_and_bias(f"{_V4_ATTENTION}.attention.key", "blocks.{i}.attn.qkv"),
        *_weight_and_bias(f"{_V4_ATTENTION}.attention.value", "blocks.{i}.attn.qkv"),
        *_weight_and_bias(f"{_V4_ATTENTION}.output.dense", "blocks.{i}.attn.proj"),
        *_weight_and_bias(f"{_V4_BLOCK}.intermediate.dense", "blocks.{i}.mlp.fc1"),
        *_weight_and_bias(f"{_V4_BLOCK}.output.dense", "blocks.{i}.mlp.fc2"),
        # transformers 5
        *_weight_and_bias(f"{_V5_BLOCK}.layernorm_before", "blocks.{i}.norm1"),
        *_weight_and_bias(f"{_V5_BLOCK}.layernorm_after", "blocks.{i}.norm2"),
        *_weight_and_bias(f"{_V5_BLOCK}.attention.q_proj", "blocks.{i}.attn.qkv"),
        *_weight_and_bias(f"{_V5_BLOCK}.attention.k_proj", "blocks.{i}.attn.qkv"),
        *_weight_and_bias(f"{_V5_BLOCK}.attention.v_proj", "blocks.{i}.attn.qkv"),
        *_weight_and_bias(f"{_V5_BLOCK}.attention.o_proj", "blocks.{i}.attn.proj"),
        *_weight_and_bias(f"{_V5_BLOCK}.mlp.fc1", "blocks.{i}.mlp.fc1"),
        *_weight_and_bias(f"{_V5_BLOCK}.mlp.fc2", "blocks.{i}.mlp.fc2"),
    ),
    unused=("pooler.", "embeddings.mask_token"),
)

_ATTENTION = "layers.{i}.blocks.{j}.attn"

ORIGINAL_SWIN = NameMap(
    source="original Swin",  # Microsoft's, EsViT's, Feature Distillation's, timm's before 0.9
    signature=("layers.0.downsample.reduction.weight",),
    also_has=("layers.0.blocks.0.attn.qkv.weight",),
    prefixes=(),
    entries=(
        Entry("layers.{i}.downsample.reduction.weight", "layers.{i+1}.downsample.reduction.weight"),
        *_weight_and_bias("layers.{i}.downsample.norm", "layers.{i+1}.downsample.norm"),
        *_weight_and_bias("head", "head.fc"),
        *_weight_and_bias(f"{_ATTENTION}.rpe_mlp.0", f"{_ATTENTION}.cpb_mlp.0"),
        Entry(f"{_ATTENTION}.rpe_mlp.2.weight", f"{_ATTENTION}.cpb_mlp.2.weight"),
    ),
    unused=(
        f"{_ATTENTION}.relative_position_index",  # derived from the window, as the next two
        f"{_ATTENTION}.relative_coords_table",
        "layers.{i}.blocks.{j}.attn_mask",
        "head_dense.",  # EsViT's head for its dense loss
    ),
)

ORIGINAL_BEIT = NameMap(
    source="original BEiT",  # and Feature Distillation's ViT: timm's names, and these beside
    signature=("rel_pos_bias.relative_position_index", "blocks.0.attn.relative_position_index"),
    prefixes=(),
    entries=(),
    unused=("rel_pos_bias.relative_position_index", "blocks.{i}.attn.relative_position_index"),
)

NAME_MAPS = (GOOGLE_VIT, HUGGING_FACE_VIT, ORIGINAL_SWIN, ORIGINAL_BEIT)
