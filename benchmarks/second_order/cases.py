"""What is computed: five cases, their inputs and the gradient that enters at the output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mindtune.heads.moment import map_side
from mindtune.heads.pairing import head_pairs

NORM_EPS = 1e-5
COLUMN_EPS = 1e-12
ITERATIONS = 5


@dataclass(frozen=True)
class Sizes:
    """Widths of every case; those of the moment head on ViT-B/16 unless said otherwise."""

    tokens: int = 196
    num_heads: int = 4
    head_dim: int = 128
    in_dim: int = 768
    num_classes: int = 1000
    isqrt_dims: tuple[int, int] = (128, 256)

    @property
    def width(self) -> int:
        return self.num_heads * self.head_dim

    @property
    def pairs(self) -> list[tuple[int, int]]:
        return head_pairs("near", self.num_heads)

    @property
    def features(self) -> int:
        return len(self.pairs) * map_side(self.head_dim) ** 2


TINY = Sizes(tokens=9, head_dim=16, in_dim=24, num_classes=5, isqrt_dims=(6, 8))
CASES = ("covariance", "fused", "head", "isqrt_d128", "isqrt_d256")


@dataclass(frozen=True)
class Problem:
    """One case at one batch size.

    ``inputs`` by name; gradients are wanted of those in ``trained``, given ``gradient``, that of
    the output.
    """

    case: str
    batch: int
    sizes: Sizes
    inputs: dict[str, np.ndarray]
    trained: tuple[str, ...]
    gradient: np.ndarray


def make_problem(case: str, batch: int, sizes: Sizes) -> Problem:
    """The same random numbers whenever case, batch and sizes are the same."""
    rng = np.random.default_rng([batch, *case.encode()])
    trained: tuple[str, ...]
    output: tuple[int, ...]
    if case == "covariance":
        heads = (batch, sizes.num_heads, sizes.tokens, sizes.head_dim)
        inputs = {"heads": _normal(rng, *heads)}
        trained, output = ("heads",), _maps(batch, sizes)
    elif case == "fused":
        tokens = _normal(rng, batch, sizes.tokens, sizes.width)
        inputs = {"tokens": tokens, **_layer_norm(rng, sizes.head_dim)}
        trained, output = tuple(inputs), _maps(batch, sizes)
    elif case == "head":
        inputs, trained = _head_inputs(rng, batch, sizes)
        output = (batch, sizes.num_classes)
    else:
        dim = isqrt_dim(case, sizes)
        inputs = {"tokens": _normal(rng, batch, sizes.tokens, dim)}
        trained, output = ("tokens",), (batch, dim * (dim + 1) // 2)
    return Problem(case, batch, sizes, inputs, trained, _normal(rng, *output))


def isqrt_dim(case: str, sizes: Sizes) -> int:
    return dict(zip(("isqrt_d128", "isqrt_d256"), sizes.isqrt_dims))[case]


def _normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32)


def _maps(batch: int, sizes: Sizes) -> tuple[int, ...]:
    return batch, len(sizes.pairs), sizes.head_dim, sizes.head_dim


def _layer_norm(rng: np.random.Generator, dim: int) -> dict[str, np.ndarray]:
    return {"ln.weight": 1 + _normal(rng, dim) / 10, "ln.bias": _normal(rng, dim) / 10}


def _head_inputs(
    rng: np.random.Generator, batch: int, sizes: Sizes
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Frozen features, whose gradient nobody wants, and the head's parameters, which train."""
    features = {
        "tokens": _normal(rng, batch, sizes.tokens + 1, sizes.in_dim),
        "pooled": _normal(rng, batch, sizes.in_dim),
    }
    pairs, classes = len(sizes.pairs), sizes.num_classes
    parameters = {
        "proj.weight": _normal(rng, sizes.width, sizes.in_dim) / 50,
        "proj.bias": _normal(rng, sizes.width) / 50,
        **_layer_norm(rng, sizes.head_dim),
        "downblocks.0.0.weight": _normal(rng, pairs, pairs, 3, 3) / 5,
        "downblocks.0.2.weight": _normal(rng, pairs, pairs, 3, 3) / 5,
        "classifier1.weight": _normal(rng, classes, sizes.in_dim) / 50,
        "classifier1.bias": _normal(rng, classes) / 50,
        "classifier2.weight": _normal(rng, classes, sizes.features) / 50,
        "classifier2.bias": _normal(rng, classes) / 50,
    }
    return {**features, **parameters}, tuple(parameters)
