"""Names of Swin Transformers in timm's words; see ``name_map`` for the form."""

from __future__ import annotations

from dataclasses import replace

from mindtune.weights.name_map import Entry, NameMap, weight_and_bias

_BLOCK = "layers.{i}.blocks.{j}"
_ATTENTION = f"{_BLOCK}.attn"
_TABLE = "relative_position_bias_table"
_INDEX = "relative_position_index"  # derived from the window, and left out wherever it stands


def _merging(prefix: str) -> tuple[Entry, ...]:
    """What merges tokens ends a stage there; timm has it at the start of the next one since 0.9."""
    there, here = f"{prefix}layers.{{i}}.downsample", "layers.{i+1}.downsample"
    return (
        Entry(f"{there}.reduction.weight", f"{here}.reduction.weight"),
        *weight_and_bias(f"{there}.norm", f"{here}.norm"),
    )


ORIGINAL_SWIN = NameMap(
    source="original Swin",  # Microsoft's, EsViT's, Feature Distillation's, timm's before 0.9
    signature=("layers.0.downsample.reduction.weight",),
    also_has=("layers.0.blocks.0.attn.qkv.weight",),
    prefixes=(),
    entries=(
        *_merging(""),
        *weight_and_bias("head", "head.fc"),
        *weight_and_bias(f"{_ATTENTION}.rpe_mlp.0", f"{_ATTENTION}.cpb_mlp.0"),
        Entry(f"{_ATTENTION}.rpe_mlp.2.weight", f"{_ATTENTION}.cpb_mlp.2.weight"),
    ),
    unused=(
        f"{_ATTENTION}.{_INDEX}",
        f"{_ATTENTION}.relative_coords_table",  # derived, as the next one
        f"{_BLOCK}.attn_mask",
        "head_dense.",  # EsViT's head for its dense loss
    ),
)

_HF_BLOCK = f"encoder.{_BLOCK}"
_HF_STEM = (
    *weight_and_bias("embeddings.patch_embeddings.projection", "patch_embed.proj"),
    *weight_and_bias("embeddings.norm", "patch_embed.norm"),
    *_merging("encoder."),
    *weight_and_bias(f"{_HF_BLOCK}.layernorm_before", f"{_BLOCK}.norm1"),
    *weight_and_bias(f"{_HF_BLOCK}.layernorm_after", f"{_BLOCK}.norm2"),
    *weight_and_bias("layernorm", "norm"),
)
_HF_HEAD = weight_and_bias("classifier", "head.fc")
_HF_V4 = (  # transformers 4 and what transformers 5 still writes by default
    *weight_and_bias(f"{_HF_BLOCK}.attention.self.query", f"{_ATTENTION}.qkv"),
    *weight_and_bias(f"{_HF_BLOCK}.attention.self.key", f"{_ATTENTION}.qkv"),
    *weight_and_bias(f"{_HF_BLOCK}.attention.self.value", f"{_ATTENTION}.qkv"),
    Entry(f"{_HF_BLOCK}.attention.self.{_TABLE}", f"{_ATTENTION}.{_TABLE}"),
    *weight_and_bias(f"{_HF_BLOCK}.attention.output.dense", f"{_ATTENTION}.proj"),
    *weight_and_bias(f"{_HF_BLOCK}.intermediate.dense", f"{_BLOCK}.mlp.fc1"),
    *weight_and_bias(f"{_HF_BLOCK}.output.dense", f"{_BLOCK}.mlp.fc2"),
)
_HF_V5 = (
    *weight_and_bias(f"{_HF_BLOCK}.attention.q_proj", f"{_ATTENTION}.qkv"),
    *weight_and_bias(f"{_HF_BLOCK}.attention.k_proj", f"{_ATTENTION}.qkv"),
    *weight_and_bias(f"{_HF_BLOCK}.attention.v_proj", f"{_ATTENTION}.qkv"),
    Entry(f"{_HF_BLOCK}.attention.relative_position_bias.{_TABLE}", f"{_ATTENTION}.{_TABLE}"),
    *weight_and_bias(f"{_HF_BLOCK}.attention.o_proj", f"{_ATTENTION}.proj"),
    *weight_and_bias(f"{_HF_BLOCK}.mlp.fc1", f"{_BLOCK}.mlp.fc1"),
    *weight_and_bias(f"{_HF_BLOCK}.mlp.fc2", f"{_BLOCK}.mlp.fc2"),
)

HUGGING_FACE_SWIN = NameMap(
    source="Hugging Face Swin",
    signature=("embeddings.patch_embeddings.projection.weight",),
    also_has=("encoder.layers.0.blocks.0.layernorm_before.weight",),
    prefixes=("swin.",),
    entries=(*_HF_STEM, *_HF_HEAD, *_HF_V4, *_HF_V5),
    unused=(
        f"{_HF_BLOCK}.attention.self.{_INDEX}",
        f"{_HF_BLOCK}.attention.relative_position_bias.{_INDEX}",
        "embeddings.mask_token",
    ),
)
WRITTEN_HUGGING_FACE_SWIN = NameMap(  # of SwinForImageClassification
    source="Hugging Face Swin",
    signature=HUGGING_FACE_SWIN.signature,
    prefixes=(),
    entries=(
        *(replace(entry, source=f"swin.{entry.source}") for entry in (*_HF_STEM, *_HF_V4)),
        *_HF_HEAD,
    ),
    unused=(),
)
