"""Mixed precision, chosen by device."""

from __future__ import annotations

import mindspore as ms
from mindspore import amp, nn

from mindtune.errors import ConfigError
from mindtune.layers.conv import ChannelsLastConv
from mindtune.layers.depthwise import DepthwiseConv
from mindtune.layers.linear import LinearMap
from mindtune.layers.packed_attention import PackedAttention
from mindtune.layers.patch_embed import PatchProjection

_DTYPES = {"fp16": ms.float16, "bf16": ms.bfloat16}
_PRODUCTS = (
    nn.Dense,
    nn.Conv2d,
    ChannelsLastConv,
    DepthwiseConv,
    PatchProjection,
    PackedAttention,
)
_FIRST_SCALE = 2.0**16
_SCALE_FACTOR = 2
_SCALE_WINDOW = 2000


def check_precision(precision: str, device_target: str, key: str = "precision") -> None:
    """Refuse what the device cannot train in; ``key`` is what chose it.

    Raises:
        ConfigError: half precision on CPU, or bfloat16 on a GPU (no MindSpore kernels).
    """
    if precision == "fp32" or device_target == "Ascend":
        return
    if device_target == "CPU" or precision == "bf16":
        raise ConfigError(
            f"{key}: got {precision} on {device_target}, which MindSpore cannot train in; "
            f"use --{key} fp32" + ("" if device_target == "CPU" else " or fp16")
        )


def to_precision(network: nn.Cell, precision: str) -> None:
    """Let the matrix products of ``network`` run in ``precision``.

    Dense layers, convolutions, patch projections and packed attentions cast their inputs and
    weights; parameters stay float32. LayerNorm, softmax, GELU, second moments and losses compute in
    float32 themselves.
    MindSpore's ``auto_mixed_precision`` is not used: it rewrites Cells as source code.
    """
    if precision == "fp32":
        return
    for _, cell in network.cells_and_names():
        if isinstance(cell, _PRODUCTS):
            cell.to_float(_DTYPES[precision])
        if isinstance(cell, (LinearMap, ChannelsLastConv)):
            cell.uses_kernel = False  # which reads float32 alone


def create_loss_scaler(precision: str) -> amp.DynamicLossScaler | None:
    """Dynamic loss scaling for fp16; the wider exponents of fp32 and bf16 need none."""
    if precision != "fp16":
        return None
    return amp.DynamicLossScaler(_FIRST_SCALE, _SCALE_FACTOR, _SCALE_WINDOW)
