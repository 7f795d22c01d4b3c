"""Names of convolutional and MLP networks in timm's words; see ``name_map`` for the form."""

from __future__ import annotations

from dataclasses import replace

from mindtune.weights.name_map import Entry, Layout, NameMap, weight_and_bias

_POINTWISE = Layout(  # (out, in, 1, 1) -> (out, in)
    4, lambda a: a.reshape(a.shape[:2]), lambda a, heads: a.reshape(*a.shape, 1, 1)
)

FACEBOOK_CONVNEXT = NameMap(
    source="Facebook ConvNeXt",
    signature=("downsample_layers.0.0.weight",),
    prefixes=(),
    entries=(
        *weight_and_bias("downsample_layers.0.0", "stem.0"),
        *weight_and_bias("downsample_layers.0.1", "stem.1"),
        *weight_and_bias("downsample_layers.{i}.0", "stages.{i}.downsample.0"),
        *weight_and_bias("downsample_layers.{i}.1", "stages.{i}.downsample.1"),
        Entry("stages.{i}.{j}.gamma", "stages.{i}.blocks.{j}.gamma"),
        *weight_and_bias("stages.{i}.{j}.dwconv", "stages.{i}.blocks.{j}.conv_dw"),
        *weight_and_bias("stages.{i}.{j}.norm", "stages.{i}.blocks.{j}.norm"),
        *weight_and_bias("stages.{i}.{j}.pwconv1", "stages.{i}.blocks.{j}.mlp.fc1"),
        *weight_and_bias("stages.{i}.{j}.pwconv2", "stages.{i}.blocks.{j}.mlp.fc2"),
        *weight_and_bias("norm", "head.norm"),
        *weight_and_bias("head", "head.fc"),
    ),
    unused=(),
)

_HF_STAGE = "encoder.stages.{i}"
_HF_LAYER = f"{_HF_STAGE}.layers.{{j}}"

_HF_BODY = (
    *weight_and_bias("embeddings.patch_embeddings", "stem.0"),
    *weight_and_bias("embeddings.layernorm", "stem.1"),
    *weight_and_bias(f"{_HF_STAGE}.downsampling_layer.0", "stages.{i}.downsample.0"),
    *weight_and_bias(f"{_HF_STAGE}.downsampling_layer.1", "stages.{i}.downsample.1"),
    Entry(f"{_HF_LAYER}.layer_scale_parameter", "stages.{i}.blocks.{j}.gamma"),
    *weight_and_bias(f"{_HF_LAYER}.dwconv", "stages.{i}.blocks.{j}.conv_dw"),
    *weight_and_bias(f"{_HF_LAYER}.layernorm", "stages.{i}.blocks.{j}.norm"),
    *weight_and_bias(f"{_HF_LAYER}.pwconv1", "stages.{i}.blocks.{j}.mlp.fc1"),
    *weight_and_bias(f"{_HF_LAYER}.pwconv2", "stages.{i}.blocks.{j}.mlp.fc2"),
    *weight_and_bias("layernorm", "head.norm"),
)
_HF_HEAD = weight_and_bias("classifier", "head.fc")

HUGGING_FACE_CONVNEXT = NameMap(
    source="Hugging Face ConvNeXt",
    signature=("embeddings.patch_embeddings.weight",),
    prefixes=("convnext.",),
    entries=(*_HF_BODY, *_HF_HEAD),
    unused=(),
)
WRITTEN_HUGGING_FACE_CONVNEXT = NameMap(  # of ConvNextForImageClassification
    source="Hugging Face ConvNeXt",
    signature=HUGGING_FACE_CONVNEXT.signature,
    prefixes=(),
    entries=(
        *(replace(entry, source=f"convnext.{entry.source}") for entry in _HF_BODY),
        *_HF_HEAD,
    ),
    unused=(),
)

MOMENT_PROBING_MAPS = NameMap(  # names equal to ours (all of the AS-MLP's own) are not listed
    source="Moment Probing ConvNeXt / AS-MLP",
    signature=("stem.proj.weight", "head.cls_head.fc.weight"),
    prefixes=(),
    entries=(
        *weight_and_bias("stem.proj", "stem.0"),
        *weight_and_bias("stem.norm", "stem.1"),
        *weight_and_bias("stages.{i}.downsample.norm", "stages.{i}.downsample.0"),
        *weight_and_bias("stages.{i}.downsample.proj", "stages.{i}.downsample.1"),
        *weight_and_bias("head.cls_head.norm", "head.norm"),
        *weight_and_bias("head.cls_head.fc", "head.classifier1"),
        *weight_and_bias("head.proj", "head.proj", _POINTWISE),
    ),
    unused=(),
)

MOCO = NameMap(  # torchvision's names, and a projector where the classifier would be
    source="MoCo",
    signature=("fc.0.weight",),
    also_has=("layer1.0.conv1.weight",),
    prefixes=(),
    entries=(),
    unused=("fc.",),
)

CONVNET_NAME_MAPS = (FACEBOOK_CONVNEXT, HUGGING_FACE_CONVNEXT, MOMENT_PROBING_MAPS, MOCO)
