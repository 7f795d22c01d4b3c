"""Names of other libraries in timm's words: one declarative table a source.

Tables of CLIP are in ``clip_names``, of Swin in ``swin_names``, of convolutional networks in
``convnet_names``; the form of a table is in ``name_map``.
"""

from __future__ import annotations

from dataclasses import replace

from mindtune.weights.clip_names import HUGGING_FACE_CLIP, OPENAI_CLIP, TIMM_CLIP
from mindtune.weights.convnet_names import CONVNET_NAME_MAPS
from mindtune.weights.name_map import (
    CONVOLUTION,
    DENSE,
    HEAD_BIAS,
    INTO_HEADS,
    OUT_OF_HEADS,
    Entry,
    NameMap,
    weight_and_bias,
)
from mindtune.weights.swin_names import HUGGING_FACE_SWIN, ORIGINAL_SWIN


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

_HF_STEM = (
    Entry("embeddings.cls_token", "cls_token"),
    Entry("embeddings.position_embeddings", "pos_embed"),
    *weight_and_bias("embeddings.patch_embeddings.projection", "patch_embed.proj"),
    *weight_and_bias("layernorm", "norm"),
)
_HF_HEAD = weight_and_bias("classifier", "head")
_HF_V4 = (  # transformers 4 and what transformers 5 still writes by default
    *weight_and_bias(f"{_V4_BLOCK}.layernorm_before", "blocks.{i}.norm1"),
    *weight_and_bias(f"{_V4_BLOCK}.layernorm_after", "blocks.{i}.norm2"),
    *weight_and_bias(f"{_V4_ATTENTION}.attention.query", "blocks.{i}.attn.qkv"),
    *weight_and_bias(f"{_V4_ATTENTION}.attention.key", "blocks.{i}.attn.qkv"),
    *weight_and_bias(f"{_V4_ATTENTION}.attention.value", "blocks.{i}.attn.qkv"),
    *weight_and_bias(f"{_V4_ATTENTION}.output.dense", "blocks.{i}.attn.proj"),
    *weight_and_bias(f"{_V4_BLOCK}.intermediate.dense", "blocks.{i}.mlp.fc1"),
    *weight_and_bias(f"{_V4_BLOCK}.output.dense", "blocks.{i}.mlp.fc2"),
)
_HF_V5 = (
    *weight_and_bias(f"{_V5_BLOCK}.layernorm_before", "blocks.{i}.norm1"),
    *weight_and_bias(f"{_V5_BLOCK}.layernorm_after", "blocks.{i}.norm2"),
    *weight_and_bias(f"{_V5_BLOCK}.attention.q_proj", "blocks.{i}.attn.qkv"),
    *weight_and_bias(f"{_V5_BLOCK}.attention.k_proj", "blocks.{i}.attn.qkv"),
    *weight_and_bias(f"{_V5_BLOCK}.attention.v_proj", "blocks.{i}.attn.qkv"),
    *weight_and_bias(f"{_V5_BLOCK}.attention.o_proj", "blocks.{i}.attn.proj"),
    *weight_and_bias(f"{_V5_BLOCK}.mlp.fc1", "blocks.{i}.mlp.fc1"),
    *weight_and_bias(f"{_V5_BLOCK}.mlp.fc2", "blocks.{i}.mlp.fc2"),
)
_HF_SIGNATURE = ("embeddings.patch_embeddings.projection.weight",)

HUGGING_FACE_VIT = NameMap(
    source="Hugging Face ViT",
    signature=_HF_SIGNATURE,
    prefixes=("vit.",),
    entries=(*_HF_STEM, *_HF_HEAD, *_HF_V4, *_HF_V5),
    unused=("pooler.", "embeddings.mask_token"),
)


def _as_image_classifier(block: tuple[Entry, ...]) -> NameMap:
    """The names in ViTForImageClassification, where all but the head is ``vit``."""
    named = (replace(entry, source=f"vit.{entry.source}") for entry in (*_HF_STEM, *block))
    return NameMap("Hugging Face ViT", _HF_SIGNATURE, (), (*named, *_HF_HEAD), ())


WRITTEN_HUGGING_FACE_VIT = _as_image_classifier(_HF_V4)
HUGGING_FACE_VIT_5 = _as_image_classifier(_HF_V5)

ORIGINAL_BEIT = NameMap(
    source="original BEiT",  # and Feature Distillation's ViT: timm's names, and these beside
    signature=("rel_pos_bias.relative_position_index", "blocks.0.attn.relative_position_index"),
    prefixes=(),
    entries=(),
    unused=("rel_pos_bias.relative_position_index", "blocks.{i}.attn.relative_position_index"),
)

NAME_MAPS = (
    GOOGLE_VIT,
    HUGGING_FACE_SWIN,  # has the signature of the next one, and names of its own
    HUGGING_FACE_VIT,
    HUGGING_FACE_CLIP,
    OPENAI_CLIP,
    TIMM_CLIP,
    ORIGINAL_SWIN,
    ORIGINAL_BEIT,
    *CONVNET_NAME_MAPS,
)
