"""LoRA, a low-rank update beside frozen linear maps (Hu et al., ICLR 2022, section 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from mindspore import Parameter, Tensor, nn, ops
from mindspore.common.initializer import Uniform, initializer

from mindtune.errors import ConfigError
from mindtune.layers.dropout import dropout
from mindtune.layers.linear import Linear, LinearMap
from mindtune.layers.packed_attention import PackedAttention
from mindtune.parameters import weights_of
from mindtune.tuning.biases import biases_of
from mindtune.tuning.projections import Projection, choose_projections
from mindtune.weights.low_rank import (
    PACKED,
    WHOLE,
    bias_name,
    scale_of,
)

_ABSENT = -1
BIASES = ("none", "all", "lora_only")


@dataclass(frozen=True)
class LoRASettings:
    """How every update of a network is made; meaning and defaults of ``LoRAConfig``."""

    rank: int = 8
    alpha: float | None = None
    dropout: float = 0.0
    bias: str = "none"
    rslora: bool = False

    @property
    def scale(self) -> float:
        """The factor of the update."""
        return scale_of(self.rank, self.alpha, self.rslora)

    def check(self) -> None:
        """Refuse what no update can be made with.

        Raises:
            ConfigError: naming the option.
        """
        wrong = [
            ("rank", "at least 1", self.rank >= 1),
            ("alpha", "more than 0", self.alpha is None or self.alpha > 0),
            ("dropout", "0 <= value < 1", 0 <= self.dropout < 1),
            ("bias", f"one of {', '.join(BIASES)}", self.bias in BIASES),
        ]
        for name, expected, holds in wrong:
            if not holds:
                raise ConfigError(
                    f"tuning.lora.{name}: got {getattr(self, name)}, expected {expected}"
                )


class LowRank(nn.Cell):
    """The parameters of one update: ``A`` (r, in), ``B`` (out, r), and ``bias`` (out,) if asked.

    A starts uniform in +-1 / sqrt(in) (Kaiming with a = sqrt(5), as the authors' code and PEFT), B
    and the bias at zero, so that tuning starts from the pre-trained function.
    """

    def __init__(self, projection: Projection, rank: int, has_bias: bool) -> None:
        super().__init__()
        into, out = projection.in_channels, projection.out_channels
        self.A = Parameter(initializer(Uniform(into**-0.5), (rank, into)), name="A")
        self.B = Parameter(initializer("zeros", (out, rank)), name="B")
        if has_bias:
            self.bias = Parameter(initializer("zeros", (out,)), name="bias")


class LoRA(nn.Cell):
    """``y + scale * B A dropout(x)`` of a linear map's x (..., in) and y (..., out): (..., out).

    Parts of a packed projection are computed together: their A lie one below the other, their B in
    a matrix with zeros elsewhere, so that rows of other parts stay as they are. One dropout mask
    serves all parts of a layer, where PEFT, whose queries and values are layers apart, draws one
    each.

    Args:
        parts: all of one layer.
        settings: rank, scale and dropout.
        biased: the parts whose bias trains too.
    """

    def __init__(
        self, parts: Sequence[Projection], settings: LoRASettings, biased: Sequence[str]
    ) -> None:
        super().__init__()
        names = [part.part for part in parts]
        for part in parts:
            setattr(self, part.part, LowRank(part, settings.rank, part.part in biased))
        self.low_ranks = tuple(getattr(self, name) for name in names)
        slots = (WHOLE,) if names == [WHOLE] else PACKED
        self.slots = tuple(names.index(slot) if slot in names else _ABSENT for slot in slots)
        self.has_bias = tuple(slot in biased for slot in slots)
        self.scale = settings.scale
        self.linear_map = LinearMap(has_bias=False)
        self.dropout = dropout(settings.dropout, parts[0].rows_per_image)
        own = np.kron(np.eye(len(parts), dtype=np.float32), np.ones((1, settings.rank), np.float32))
        self.columns = Tensor(own)  # (P, P r), 1 where a part's own columns are
        out = parts[0].out_channels
        self.no_rows = Tensor(np.zeros((out, own.shape[1]), np.float32))
        self.no_bias = Tensor(np.zeros(out, np.float32))

    def construct(self, x: Tensor, y: Tensor) -> Tensor:
        downs: tuple[Tensor, ...] = ()
        for low_rank in self.low_ranks:
            downs += (low_rank.A,)
        down = ops.cast(ops.concat(downs, 0), x.dtype)  # (P r, in)
        up = ops.cast(self.stacked(), x.dtype)  # (out, P r)
        reduced = self.linear_map(self.dropout(x), down)  # (..., P r)
        update = self.linear_map(reduced * self.scale, up)  # (..., out)
        if any(self.has_bias):
            update = update + ops.cast(self.biases(), update.dtype)
        return y + update

    def stacked(self) -> Tensor:
        """The B of all parts, each in its own rows and columns, (out, P r).

        Put together from zeros and products: MindSpore's ``pad`` reads garbage in its gradient on
        CPU, and may never come back.
        """
        rows: tuple[Tensor, ...] = ()
        for slot in self.slots:
            if slot < 0:
                rows += (self.no_rows,)
            else:
                widened = ops.tile(self.low_ranks[slot].B, (1, len(self.low_ranks)))
                rows += (widened * self.columns[slot],)
        return ops.concat(rows, 0)

    def biases(self) -> Tensor:
        """What is added to the bias of the whole layer, (out,)."""
        parts: tuple[Tensor, ...] = ()
        for i in range(len(self.slots)):
            if self.has_bias[i]:
                parts += (self.low_ranks[self.slots[i]].bias,)
            else:
                parts += (self.no_bias,)
        return ops.concat(parts, 0)


class LoRADense(Linear):
    """A dense layer with an update; its own parameters keep their names."""

    def __init__(self, base: nn.Dense, lora: LoRA) -> None:
        super().__init__(
            base.in_channels,
            base.out_channels,
            weight_init="zeros",
            bias_init="zeros",
            has_bias=base.has_bias,
        )
        self.weight = base.weight
        if base.has_bias:
            self.bias = base.bias
        self.lora = lora

    def construct(self, x: Tensor) -> Tensor:
        return self.lora(x, super().construct(x))


def add_lora(
    backbone: nn.Cell, targets: Sequence[str] | str = ("q", "v"), **settings: Any
) -> list[Parameter]:
    """Put an update beside each of the linear maps ``targets``; the backbone itself is changed.

    Args:
        backbone: any with dense layers: ViT, BEiT, CLIP, Swin, ConvNeXt.
        targets: names ``q``, ``k``, ``v``, ``proj``, ``fc1``, ``fc2``, or a regular expression
            (``mindtune.tuning.projections``).
        settings: fields of ``LoRASettings``.

    Returns:
        What this tuning trains: the new parameters, and the biases that were asked for.

    Raises:
        ConfigError: targets which the backbone does not have, or settings out of their range.
    """
    chosen_settings = LoRASettings(**settings)
    chosen_settings.check()
    chosen = choose_projections(backbone, targets, "tuning.lora.targets")
    names = {name for name, _ in backbone.parameters_and_names()}
    cells = dict(backbone.cells_and_names())
    trained: list[Parameter] = []
    for place, group in groupby(chosen, lambda projection: projection.place):
        parts = list(group)
        owned = [p.part for p in parts if bias_name(place, p.part, names) is not None]
        biased = owned if chosen_settings.bias == "lora_only" else []
        lora = _put_lora(cells, place, parts, chosen_settings, biased)
        trained += weights_of(lora)
    return [*trained, *(biases_of(backbone) if chosen_settings.bias == "all" else [])]


def _put_lora(
    cells: Mapping[str, nn.Cell],
    place: str,
    parts: Sequence[Projection],
    settings: LoRASettings,
    biased: Sequence[str],
) -> LoRA:
    cell = cells[place]
    if isinstance(cell, PackedAttention):
        cell.lora = LoRA(parts, settings, biased)
        return cell.lora
    lora = LoRA(parts, settings, biased)
    parent, _, name = place.rpartition(".")
    owner = cells[parent]
    if isinstance(owner, nn.SequentialCell):
        owner[int(name)] = LoRADense(cell, lora)
    else:
        setattr(owner, name, LoRADense(cell, lora))
    return lora
