"""Random calls of the kernels of a transformer's layers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from ops import layer_references
from ops.arithmetic import Arithmetic
from ops.kernel_caller import Kernels

_NUMBERS = 300_000  # of one call
ACTIVATIONS = ("Gelu", "QuickGelu")
_REFERENCES = {"Gelu": layer_references.gelu, "QuickGelu": layer_references.quick_gelu}


@dataclass(frozen=True)
class Activation:
    """A call of an activation; ``scale`` is how large the numbers are."""

    symbol: str
    shape: tuple[int, ...]
    scale: float = 1
    seed: int = 0

    def inputs(self) -> tuple[np.ndarray, np.ndarray]:
        """Numbers, gradient of the result."""
        x, dy = np.random.default_rng(self.seed).standard_normal((2, *self.shape), np.float32)
        x.flat[0] = dy.flat[0] = 1  # the largest result, by which all are judged, is no tail
        return np.float32(self.scale) * x, dy

    def found(self, kernels: Kernels) -> dict[str, np.ndarray]:
        x, dy = self.inputs()
        y, dx = np.full_like(x, np.nan), np.full_like(x, np.nan)
        kernels.call(self.symbol, x, y)
        kernels.call(f"{self.symbol}Gradient", x, dy, dx)
        return {"y": y, "dx": dx}

    def expected(self, arithmetic: Arithmetic) -> dict[str, np.ndarray]:
        return _REFERENCES[self.symbol](*self.inputs(), arithmetic)


@dataclass(frozen=True)
class Norm:
    """A call of LayerNorm; ``offset`` is what all channels of a row have in common."""

    rows: int
    dim: int
    offset: float = 0
    eps: float = 1e-6
    seed: int = 0

    def inputs(self) -> tuple[np.ndarray, ...]:
        """Rows, weight, bias, gradient of the result."""
        rng = np.random.default_rng(self.seed)
        x, dy = rng.standard_normal((2, self.rows, self.dim), np.float32)
        weight = rng.uniform(0.5, 1.5, self.dim).astype(np.float32)
        bias = rng.standard_normal(self.dim, np.float32)
        return x + np.float32(self.offset), weight, bias, dy

    def found(self, kernels: Kernels) -> dict[str, np.ndarray]:
        x, weight, bias, dy = self.inputs()
        y, statistics = np.full_like(x, np.nan), np.full((self.rows, 2), np.nan, np.float32)
        kernels.call("LayerNorm", x, weight, bias, np.array([self.eps], np.float32), y, statistics)
        dx, dweight, dbias = (np.full_like(one, np.nan) for one in (x, weight, bias))
        kernels.call("LayerNormGradient", x, weight, statistics, dy, dx)
        kernels.call("LayerNormParametersGradient", x, statistics, dy, dweight, dbias)
        return {"y": y, "dx": dx, "dweight": dweight, "dbias": dbias}

    def expected(self, arithmetic: Arithmetic) -> dict[str, np.ndarray]:
        x, weight, bias, dy = self.inputs()
        return layer_references.layer_norm(x, weight, bias, self.eps, dy, arithmetic)


@dataclass(frozen=True)
class ChannelMap:
    """A call of a factor and a shift a channel."""

    rows: int
    dim: int
    seed: int = 0

    def inputs(self) -> tuple[np.ndarray, ...]:
        """Rows, scale, shift, gradient of the result."""
        rng = np.random.default_rng(self.seed)
        x, dy = rng.standard_normal((2, self.rows, self.dim), np.float32)
        return (x, *rng.standard_normal((2, self.dim), np.float32), dy)

    def found(self, kernels: Kernels) -> dict[str, np.ndarray]:
        x, scale, shift, dy = self.inputs()
        y, dx, dscale, dshift = (np.full_like(one, np.nan) for one in (x, x, scale, shift))
        kernels.call("ChannelMap", x, scale, shift, y)
        kernels.call("ChannelMapInputGradient", dy, scale, dx)
        kernels.call("RowProductsSum", x, dy, dscale)
        kernels.call("RowsSum", dy, dshift)
        return {"y": y, "dx": dx, "dscale": dscale, "dshift": dshift}

    def expected(self, arithmetic: Arithmetic) -> dict[str, np.ndarray]:
        return layer_references.channel_map(*self.inputs(), arithmetic)


@dataclass(frozen=True)
class SampleScale:
    """A call of a factor a sample; ``shape`` is a sample's."""

    samples: int
    shape: tuple[int, ...]
    seed: int = 0

    def inputs(self) -> tuple[np.ndarray, ...]:
        """Samples, factors, gradient of the result."""
        rng = np.random.default_rng(self.seed)
        x, dy = rng.standard_normal((2, self.samples, *self.shape), np.float32)
        return x, rng.standard_normal(self.samples, np.float32), dy

    def found(self, kernels: Kernels) -> dict[str, np.ndarray]:
        x, factors, dy = self.inputs()
        y, dx = np.full_like(x, np.nan), np.full_like(x, np.nan)
        kernels.call("SampleScale", x, factors, y)
        kernels.call("SampleScaleGradient", dy, factors, dx)
        return {"y": y, "dx": dx}

    def expected(self, arithmetic: Arithmetic) -> dict[str, np.ndarray]:
        x, factors, dy = self.inputs()
        rows = (self.samples, -1)
        found = layer_references.sample_scale(
            x.reshape(rows), factors, dy.reshape(rows), arithmetic
        )
        return {name: values.reshape(x.shape) for name, values in found.items()}


@dataclass(frozen=True)
class Dropout:
    """A call that drops numbers."""

    rows: int
    shape: tuple[int, ...]
    keep: float
    seed: int = 0

    def inputs(self) -> tuple[np.ndarray, ...]:
        """Rows, hashes, share to keep, gradient of the result."""
        rng = np.random.default_rng(self.seed)
        x, dy = rng.standard_normal((2, self.rows, *self.shape), np.float32)
        hashes = rng.integers(-(2**31), 2**31, self.rows).astype(np.int32)
        return x, hashes, np.array([self.keep], np.float32), dy

    def found(self, kernels: Kernels) -> dict[str, np.ndarray]:
        x, hashes, keep, dy = self.inputs()
        y, dx = np.full_like(x, np.nan), np.full_like(x, np.nan)
        kernels.call("Dropout", x, hashes, keep, y)
        kernels.call("DropoutGradient", dy, hashes, keep, dx)
        return {"y": y, "dx": dx}

    def expected(self, arithmetic: Arithmetic) -> dict[str, np.ndarray]:
        x, hashes, keep, dy = self.inputs()
        kept = layer_references.kept(hashes, x[0].size, keep[0]).reshape(x.shape)
        factors = arithmetic.rounded(kept / keep.astype(np.float64))
        return {"y": arithmetic.rounded(x * factors), "dx": arithmetic.rounded(dy * factors)}


@dataclass(frozen=True)
class UnitRows:
    """A call that gives rows lengths; ``scale`` is how long they are."""

    rows: int
    dim: int
    scale: float = 1
    seed: int = 0

    def inputs(self) -> tuple[np.ndarray, ...]:
        """Rows, lengths, gradient of the result."""
        rng = np.random.default_rng(self.seed)
        x, dy = rng.standard_normal((2, self.rows, self.dim), np.float32)
        x[0] += np.sign(x[0])  # the one number of a row must not be next to nothing
        return np.float32(self.scale) * x, rng.standard_normal(self.rows, np.float32), dy

    def found(self, kernels: Kernels) -> dict[str, np.ndarray]:
        x, lengths, dy = self.inputs()
        y, dx, dlengths = (np.full_like(one, np.nan) for one in (x, x, lengths))
        kernels.call("UnitRows", x, lengths, y)
        kernels.call("UnitRowsInputGradient", x, lengths, dy, dx)
        kernels.call("UnitRowsLengthGradient", x, dy, dlengths)
        return {"y": y, "dx": dx, "dlengths": dlengths}

    def expected(self, arithmetic: Arithmetic) -> dict[str, np.ndarray]:
        return layer_references.unit_rows(*self.inputs(), arithmetic)


@st.composite
def activations(draw: st.DrawFn) -> Activation:
    first, second = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    last = draw(st.integers(1, _NUMBERS // (first * second)))
    shape = draw(st.sampled_from([(last,), (first, last), (first, second, last)]))
    scale = draw(st.sampled_from([1e-3, 1, 5, 40]))
    return Activation(draw(st.sampled_from(ACTIVATIONS)), shape, scale, draw(st.integers(0, 99)))


@st.composite
def norms(draw: st.DrawFn) -> Norm:
    dim = draw(st.integers(1, 1100))
    return Norm(
        rows=draw(st.integers(1, min(700, _NUMBERS // dim))),
        dim=dim,
        offset=draw(st.sampled_from([0, 0, 1, 30])),
        eps=draw(st.sampled_from([1e-12, 1e-6, 1e-5])),
        seed=draw(st.integers(0, 99)),
    )


@st.composite
def channel_maps(draw: st.DrawFn) -> ChannelMap:
    dim = draw(st.integers(1, 1100))
    return ChannelMap(
        draw(st.integers(1, min(700, _NUMBERS // dim))), dim, draw(st.integers(0, 99))
    )


@st.composite
def sample_scales(draw: st.DrawFn) -> SampleScale:
    samples, first = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    last = draw(st.integers(1, _NUMBERS // (samples * first)))
    shape = draw(st.sampled_from([(), (last,), (first, last)]))
    return SampleScale(samples, shape, draw(st.integers(0, 99)))


@st.composite
def unit_rows(draw: st.DrawFn) -> UnitRows:
    dim = draw(st.integers(2, 1100))
    return UnitRows(
        rows=draw(st.integers(1, min(700, _NUMBERS // dim))),
        dim=dim,
        scale=draw(st.sampled_from([1e-3, 1, 1e3])),
        seed=draw(st.integers(0, 99)),
    )


@st.composite
def dropouts(draw: st.DrawFn) -> Dropout:
    rows, first = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    last = draw(st.integers(1, _NUMBERS // (rows * first)))
    shape = draw(st.sampled_from([(), (last,), (first, last)]))
    return Dropout(rows, shape, draw(st.sampled_from([0.1, 0.9, 1.0])), draw(st.integers(0, 99)))
