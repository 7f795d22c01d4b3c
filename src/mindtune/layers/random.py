"""Stateless random numbers inside a compiled graph, so that a resumed run draws the same ones.

MindSpore's random operators keep hidden state which cannot be saved on CPU. Here every number is
a hash of (seed, layer, step, sample), computed with int32 arithmetic on any device.
"""

from __future__ import annotations

import zlib

import numpy as np
from mindspore import Parameter, Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.parameters import RNG_STEP

_GOLDEN = -1640531527  # 2^32 / golden ratio as int32: spreads neighbouring samples
_STEP = 1013904223
_MIX_1 = 2146121005  # multipliers of a full-avalanche 32-bit integer hash
_MIX_2 = -2073254261
_LOW_24_BITS = (1 << 24) - 1


def _shift_xor(x: Tensor, bits: int) -> Tensor:
    """x ^ (x >>> bits) for int32: the sign bits that the arithmetic shift brings in are masked."""
    shifted = ops.bitwise_right_shift(x, ops.cast(bits, mstype.int32))
    return ops.bitwise_xor(x, ops.bitwise_and(shifted, (1 << (32 - bits)) - 1))


def _hash(x: Tensor) -> Tensor:
    """A full-avalanche hash of int32 numbers."""
    x = _shift_xor(x, 16) * ops.cast(_MIX_1, mstype.int32)
    x = _shift_xor(x, 15) * ops.cast(_MIX_2, mstype.int32)
    return _shift_xor(x, 16)


def _unit_interval(hashes: Tensor) -> Tensor:
    """The low 24 bits of int32 ``hashes`` as numbers in [0, 1), float32."""
    return ops.cast(ops.bitwise_and(hashes, _LOW_24_BITS), mstype.float32) * 2.0**-24


class RandomLayer(nn.Cell):
    """A layer which draws random numbers in training.

    The engine sets ``rng_step`` before every forward pass and ``salt`` once, by
    ``seed_random_layers``; nothing here changes state.
    """

    def __init__(self) -> None:
        super().__init__()
        self.salt = 0
        self.first_sample = 0
        self.rng_step = Parameter(Tensor(0, mstype.int32), name=RNG_STEP, requires_grad=False)

    def uniform(self, count: int) -> Tensor:
        """``count`` independent numbers in [0, 1), multiples of 2^-24, float32 (count,)."""
        return _unit_interval(self.row_hashes(count, self.first_sample))

    def uniform_table(self, rows: int, columns: int, first_row: int) -> Tensor:
        """The same for a table, float32 (rows, columns); ``first_row`` is the first row's number.

        Row and column are hashed one after the other: a table as large as the activations of a
        batch needs no constant of that size.
        """
        row = self.row_hashes(rows, first_row).reshape(rows, 1)
        column = Tensor(np.arange(columns, dtype=np.int32).reshape(1, columns))
        return _unit_interval(_hash(row + column * ops.cast(_GOLDEN, mstype.int32)))

    def row_hashes(self, count: int, first: int) -> Tensor:
        """Hashes of ``count`` samples from number ``first`` on, at this step, int32 (count,)."""
        sample = Tensor(np.arange(count, dtype=np.int32) + first)
        x = sample * ops.cast(_GOLDEN, mstype.int32) + self.salt
        return _hash(x + self.rng_step * ops.cast(_STEP, mstype.int32))


def random_layers(net: nn.Cell) -> list[RandomLayer]:
    """The layers of ``net`` that draw random numbers, in order."""
    return [cell for _, cell in net.cells_and_names() if isinstance(cell, RandomLayer)]


def seed_random_layers(net: nn.Cell, seed: int, first_sample: int = 0) -> None:
    """Give every random layer its own stream.

    Args:
        net: any Cell.
        seed: the run's seed; layers differ by their place in ``net``.
        first_sample: global index of this rank's first sample in the batch, so that ranks together
            draw what one process with the whole batch would.
    """
    for name, cell in net.cells_and_names():
        if isinstance(cell, RandomLayer):
            cell.salt = zlib.crc32(f"{seed}/{name}".encode()) >> 1
            cell.first_sample = first_sample


def set_random_step(layers: list[RandomLayer], step: int) -> None:
    """Move every stream to training step ``step`` (0-based, counted in forward passes)."""
    for layer in layers:
        layer.rng_step.set_data(Tensor(step, mstype.int32))
