"""Random calls of the kernels: shapes of bounded work, options and inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from ops.arithmetic import Arithmetic
from ops.kernel_caller import INSTRUCTION_SETS, Kernels, plan_of
from ops.pooling_reference import CrossCovarianceReference, PoolingReference, pairs_of
from ops.shrinking_reference import ShrinkingReference
from ops.square_root_reference import SquareRootReference

_PRODUCTS = 3_000_000  # multiplications of one forward pass

kernels = st.builds(
    Kernels,
    instruction_set=st.sampled_from(INSTRUCTION_SETS),
    # Small calls after large ones in the same memory, or each in memory of its own.
    fresh=st.booleans(),
)


def _draw(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


@dataclass(frozen=True)
class Pooling:
    """A call of moment pooling; ``offset`` is what every channel of a token has in common."""

    batch: int
    tokens: int
    dim: int
    heads: int
    pairs: list[tuple[int, int]]
    split: str = "contiguous"
    centering: str = "scalar"
    offset: float = 0
    seed: int = 0

    def inputs(self) -> tuple[np.ndarray, ...]:
        """Tokens, weight, bias, gradient of the maps."""
        rng = np.random.default_rng(self.seed)
        tokens = _draw(rng, self.batch, self.tokens, self.heads * self.dim)
        weight = rng.uniform(0.5, 1.5, self.dim).astype(np.float32)
        bias = np.float32(0.3) * _draw(rng, self.dim)
        dmaps = _draw(rng, self.batch, len(self.pairs), self.dim, self.dim)
        return tokens + np.float32(self.offset), weight, bias, dmaps

    def found(self, kernels: Kernels) -> dict[str, np.ndarray]:
        *inputs, dmaps = self.inputs()
        return kernels.pool(*inputs, plan_of(self.pairs, self.split, self.centering), dmaps)

    def expected(self, arithmetic: Arithmetic) -> dict[str, np.ndarray]:
        *inputs, dmaps = self.inputs()
        reference = PoolingReference(self.heads, self.pairs, self.split, self.centering, arithmetic)
        maps = reference.forward(*inputs)
        dtokens, dweight, dbias = reference.backward(dmaps)
        return {
            "maps": maps, "dtokens": dtokens, "dweight": dweight, "dbias": dbias,
            "norms": reference.norms,
        }  # fmt: skip


@dataclass(frozen=True)
class Cross:
    """A call of the bare cross-covariance."""

    batch: int
    tokens: int
    dim: int
    heads: int
    pairs: list[tuple[int, int]]
    seed: int = 0

    def inputs(self) -> tuple[np.ndarray, np.ndarray]:
        """Heads, gradient of the maps."""
        rng = np.random.default_rng(self.seed)
        heads = _draw(rng, self.batch, self.heads, self.tokens, self.dim)
        return heads, _draw(rng, self.batch, len(self.pairs), self.dim, self.dim)

    def found(self, kernels: Kernels) -> dict[str, np.ndarray]:
        heads, dmaps = self.inputs()
        return kernels.cross(heads, np.ravel(self.pairs).astype(np.int32), dmaps)

    def expected(self, arithmetic: Arithmetic) -> dict[str, np.ndarray]:
        heads, dmaps = self.inputs()
        reference = CrossCovarianceReference(self.pairs, arithmetic)
        return {"maps": reference.forward(heads), "dheads": reference.backward(dmaps)}


@dataclass(frozen=True)
class SquareRoot:
    """A call of iSQRT-COV."""

    batch: int
    tokens: int
    dim: int
    steps: int = 5
    offset: float = 0
    seed: int = 0

    def inputs(self) -> tuple[np.ndarray, np.ndarray]:
        """Tokens, gradient of the triangles."""
        rng = np.random.default_rng(self.seed)
        tokens = _draw(rng, self.batch, self.tokens, self.dim) + np.float32(self.offset)
        return tokens, _draw(rng, self.batch, self.dim * (self.dim + 1) // 2)

    def found(self, kernels: Kernels) -> dict[str, np.ndarray]:
        tokens, dtriangles = self.inputs()
        return kernels.square_root(tokens, self.steps, dtriangles)

    def expected(self, arithmetic: Arithmetic) -> dict[str, np.ndarray]:
        tokens, dtriangles = self.inputs()
        reference = SquareRootReference(self.steps, arithmetic)
        return {
            "triangles": reference.forward(tokens),
            "dtokens": reference.backward(dtriangles),
        }


@dataclass(frozen=True)
class Shrink:
    """A call of the two convolutions; ``scale`` is how large the maps' entries are."""

    batch: int
    pairs: int
    dim: int
    scale: float = 1
    seed: int = 0

    def inputs(self) -> tuple[np.ndarray, ...]:
        """Maps, first and second weight, gradient of the result."""
        rng = np.random.default_rng(self.seed)
        maps = np.float32(self.scale) * _draw(rng, self.batch, self.pairs, self.dim, self.dim)
        first, second = (_draw(rng, self.pairs, self.pairs, 3, 3) for _ in range(2))
        side = ((self.dim - 3) // 2 - 2) // 2 + 1
        return maps, first, second, _draw(rng, self.batch, self.pairs, side, side)

    def found(self, kernels: Kernels) -> dict[str, np.ndarray]:
        return kernels.shrink(*self.inputs())

    def expected(self, arithmetic: Arithmetic) -> dict[str, np.ndarray]:
        maps, first, second, dshrunk = self.inputs()
        reference = ShrinkingReference(first, second, arithmetic)
        shrunk = reference.forward(maps)
        dmaps, dfirst, dsecond = reference.backward(dshrunk)
        return {"shrunk": shrunk, "dmaps": dmaps, "dfirst": dfirst, "dsecond": dsecond}


def _up_to(most: int, products_each: int) -> st.SearchStrategy[int]:
    return st.integers(1, max(1, min(most, _PRODUCTS // products_each)))


@st.composite
def _heads(draw: st.DrawFn) -> dict:
    heads, dim = draw(st.integers(2, 8)), draw(st.integers(1, 160))
    named = st.sampled_from(["near", "half", "one", "all"]).map(lambda name: pairs_of(name, heads))
    head = st.integers(0, heads - 1)
    pairs = draw(named | st.lists(st.tuples(head, head), min_size=1, max_size=5))
    each = dim**2 * len(pairs)
    tokens = draw(_up_to(600, each))
    return {
        "batch": draw(_up_to(64, each * tokens)), "tokens": tokens, "dim": dim, "heads": heads,
        "pairs": pairs, "seed": draw(st.integers(0, 2**16)),
    }  # fmt: skip


@st.composite
def poolings(draw: st.DrawFn) -> Pooling:
    return Pooling(
        **draw(_heads()),
        split=draw(st.sampled_from(["contiguous", "strided"])),
        centering=draw(st.sampled_from(["none", "scalar", "channel"])),
        offset=draw(st.sampled_from([0, 0, 1, 30])),
    )


@st.composite
def crosses(draw: st.DrawFn) -> Cross:
    return Cross(**draw(_heads()))


@st.composite
def square_roots(draw: st.DrawFn) -> SquareRoot:
    dim = draw(st.integers(1, 160))
    tokens = 1 + draw(_up_to(599, dim**2))
    return SquareRoot(
        batch=draw(_up_to(64, dim**2 * (tokens + 6 * dim))),
        tokens=tokens,
        dim=dim,
        steps=draw(st.integers(1, 7)),
        offset=draw(st.sampled_from([0, 0, 1, 30])),
        seed=draw(st.integers(0, 2**16)),
    )


@st.composite
def shrinks(draw: st.DrawFn) -> Shrink:
    pairs, dim = draw(st.integers(1, 10)), draw(st.integers(7, 160))
    return Shrink(
        batch=draw(_up_to(64, 5 * (pairs * dim) ** 2)),
        pairs=pairs,
        dim=dim,
        scale=draw(st.sampled_from([0.1, 1, 10])),
        seed=draw(st.integers(0, 2**16)),
    )
