"""What this machine reaches: the fastest matrix product and the fastest copy, measured here."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from mindspore import Tensor, ops

from mindtune.layers.linear import LinearMap
from second_order.contestants import HAS_PYTORCH
from second_order.timing import Times, alternate

COPIED_MIB = 256


@dataclass(frozen=True)
class Peak:
    """Multiply-adds count as two operations; a copy's bytes are counted read and written."""

    gflops: float
    gflops_by: str
    gigabytes: float


def measure(threads: int, side: int, turns: int) -> Peak:
    """Best of several libraries' float32 products of ``side`` x ``side``, and of a copy."""
    times: dict[str, Times] = alternate(_products(side), turns)
    fastest = min(times, key=lambda name: times[name].minimum)
    with ThreadPoolExecutor(threads) as pool:
        copy = alternate({"copy": _copy(pool, threads)}, turns)["copy"]
    return Peak(
        2 * side**3 / times[fastest].minimum / 1e9,
        fastest,
        2 * COPIED_MIB * 2**20 / copy.minimum / 1e9,
    )


def _products(side: int) -> dict[str, Callable[[], object]]:
    left, right = np.random.default_rng(0).standard_normal((2, side, side), dtype=np.float32)
    a, b = Tensor(left), Tensor(right)
    product, linear = ops.MatMul(transpose_b=True), LinearMap(has_bias=False)

    calls: dict[str, Callable[[], object]] = {
        "NumPy": lambda: left @ right,
        "MindSpore": lambda: product(a, b).asnumpy(),
        "MindTune": lambda: linear(a, b).asnumpy(),
    }
    if HAS_PYTORCH:
        import torch

        x, y = torch.from_numpy(left), torch.from_numpy(right)
        calls["PyTorch"] = lambda: x @ y
    return calls


def _copy(pool: ThreadPoolExecutor, threads: int) -> Callable[[], object]:
    """One part a thread; ``np.copyto`` releases the interpreter lock."""
    source = np.ones(COPIED_MIB * 2**18, np.float32)
    target = np.zeros_like(source)
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads)))
    return lambda: list(pool.map(lambda part: np.copyto(*part), parts))
