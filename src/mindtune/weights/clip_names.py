"""CLIP under the names of Hugging Face and timm, in OpenAI's words.

OpenAI's names are the ones of this package's CLIP networks, as timm's are of the others.
"""

from __future__ import annotations

from mindtune.weights.name_map import DENSE, Entry, Layout, NameMap, weight_and_bias

_VECTOR = Layout(3, lambda a: a.reshape(-1), lambda a, heads: a.reshape(1, 1, -1))
_ROWS = Layout(3, lambda a: a.reshape(a.shape[1:]), lambda a, heads: a[None])


def _block(source: str, target: str) -> tuple[Entry, ...]:
    """A block of Hugging Face's: query, key and value apart."""
    packed = f"{target}.attn.in_proj_"
    return (
        *weight_and_bias(f"{source}.layer_norm1", f"{target}.ln_1"),
        *(
            Entry(f"{source}.self_attn.{part}_proj.{kind}", f"{packed}{kind}")
            for kind in ("weight", "bias")
            for part in ("q", "k", "v")
        ),
        *weight_and_bias(f"{source}.self_attn.out_proj", f"{target}.attn.out_proj"),
        *weight_and_bias(f"{source}.layer_norm2", f"{target}.ln_2"),
        *weight_and_bias(f"{source}.mlp.fc1", f"{target}.mlp.c_fc"),
        *weight_and_bias(f"{source}.mlp.fc2", f"{target}.mlp.c_proj"),
    )


_PARTS = (
    ("visual",),
    ("visual.proj",),
    ("token_embedding", "positional_embedding", "transformer", "ln_final", "text_projection"),
    ("logit_scale",),
)
_VISION, _TEXT = "vision_model.embeddings", "text_model.embeddings"

HUGGING_FACE_CLIP = NameMap(
    source="Hugging Face CLIP",
    signature=(f"{_VISION}.patch_embedding.weight", f"{_TEXT}.token_embedding.weight"),
    prefixes=(),
    entries=(
        Entry("logit_scale", "logit_scale"),
        Entry("visual_projection.weight", "visual.proj", DENSE),
        Entry("text_projection.weight", "text_projection", DENSE),
        Entry(f"{_VISION}.class_embedding", "visual.class_embedding"),
        Entry(f"{_VISION}.patch_embedding.weight", "visual.conv1.weight"),
        Entry(f"{_VISION}.position_embedding.weight", "visual.positional_embedding"),
        *weight_and_bias("vision_model.pre_layrnorm", "visual.ln_pre"),  # spelt so
        *_block("vision_model.encoder.layers.{i}", "visual.transformer.resblocks.{i}"),
        *weight_and_bias("vision_model.post_layernorm", "visual.ln_post"),
        Entry(f"{_TEXT}.token_embedding.weight", "token_embedding.weight"),
        Entry(f"{_TEXT}.position_embedding.weight", "positional_embedding"),
        *_block("text_model.encoder.layers.{i}", "transformer.resblocks.{i}"),
        *weight_and_bias("text_model.final_layer_norm", "ln_final"),
        *weight_and_bias("classifier", "head"),
    ),
    unused=(f"{_VISION}.position_ids", f"{_TEXT}.position_ids"),
    parts=_PARTS,
)

OPENAI_CLIP = NameMap(
    source="OpenAI CLIP",
    signature=("visual.conv1.weight", "token_embedding.weight"),
    prefixes=(),
    entries=(),
    unused=("input_resolution", "context_length", "vocab_size"),
    parts=_PARTS,
)

_TIMM_BLOCK, _RESBLOCK = "blocks.{i}", "visual.transformer.resblocks.{i}"

TIMM_CLIP = NameMap(  # the image tower only; what timm calls its head stays a head
    source="timm CLIP",
    signature=("norm_pre.weight",),
    prefixes=(),
    entries=(
        Entry("cls_token", "visual.class_embedding", _VECTOR),
        Entry("pos_embed", "visual.positional_embedding", _ROWS),
        Entry("patch_embed.proj.weight", "visual.conv1.weight"),
        *weight_and_bias("norm_pre", "visual.ln_pre"),
        *weight_and_bias(f"{_TIMM_BLOCK}.norm1", f"{_RESBLOCK}.ln_1"),
        Entry(f"{_TIMM_BLOCK}.attn.qkv.weight", f"{_RESBLOCK}.attn.in_proj_weight"),
        Entry(f"{_TIMM_BLOCK}.attn.qkv.bias", f"{_RESBLOCK}.attn.in_proj_bias"),
        *weight_and_bias(f"{_TIMM_BLOCK}.attn.proj", f"{_RESBLOCK}.attn.out_proj"),
        *weight_and_bias(f"{_TIMM_BLOCK}.norm2", f"{_RESBLOCK}.ln_2"),
        *weight_and_bias(f"{_TIMM_BLOCK}.mlp.fc1", f"{_RESBLOCK}.mlp.c_fc"),
        *weight_and_bias(f"{_TIMM_BLOCK}.mlp.fc2", f"{_RESBLOCK}.mlp.c_proj"),
        *weight_and_bias("norm", "visual.ln_post"),
        *weight_and_bias("head", "head"),
    ),
    unused=(),
    parts=_PARTS,
)
