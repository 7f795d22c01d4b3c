"""Milliseconds of the attention kernel against PyTorch's, forward and with gradients, on the CPU.

Both start from the packed projection (B, N, 3C) and end at (B, N, C): PyTorch's
``scaled_dot_product_attention`` (sdpa) and its plain form, softmax and two products. They take
turns; of each the least of all rounds counts, by the wall clock and by the processor's, which is
the fairer one on a busy machine with one thread (OMP_NUM_THREADS=1). The bias has a gradient. Last
line: JSON of ratios, PyTorch's time / ours, above 1 where ours is faster.
Usage: python benchmarks/attention.py [ROUNDS [CASE ...]]
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention

from mindtune.ops.kernel_library import call, find_library

# Samples, tokens, heads, channels of a head; groups and heads of the bias; windows of the mask.
CASES = {
    "vit_b": (8, 197, 12, 64, None, 0),
    "beit_b": (8, 197, 12, 64, (1, 12), 0),
    "swin_t_1": (512, 49, 3, 32, (1, 3), 0),
    "swin_t_1_shifted": (512, 49, 3, 32, (1, 3), 64),
    "swin_t_3": (32, 49, 12, 32, (1, 12), 0),
    "clip_text": (32, 77, 8, 64, None, 0),
    "tiny": (64, 17, 3, 64, None, 0),
}
NOTHING = np.zeros(1, np.float32)
Times = dict[str, tuple[float, float]]  # seconds by both clocks


class Case:
    """Inputs, and the contestants' calls on them."""

    def __init__(self, name: str) -> None:
        batch, tokens, heads, dim, bias, windows = CASES[name]
        rng = np.random.default_rng(0)

        def draw(*shape: int) -> np.ndarray:
            return rng.standard_normal(shape).astype(np.float32)

        self.sizes = (batch, tokens, 3, heads, dim)
        self.qkv = draw(batch, tokens, 3 * heads * dim)
        self.dout = draw(batch, tokens, heads * dim)
        self.scale = np.full(heads, dim**-0.5, np.float32)
        self.bias = NOTHING if bias is None else draw(*bias, tokens, tokens)
        self.mask = draw(windows, 1, tokens, tokens) if windows else NOTHING
        if name == "clip_text":
            self.mask = np.triu(np.full((1, 1, tokens, tokens), -np.inf, np.float32), 1)
        arrays = (self.qkv, self.dout, self.scale, self.bias)
        self.out = np.empty_like(self.dout)
        self.log_sums = np.empty((batch, heads, tokens), np.float32)
        self.gradients = [np.empty_like(x) for x in (arrays[0], arrays[2], arrays[3])]
        self.of_torch = [torch.from_numpy(x).requires_grad_() for x in (self.qkv, self.bias)]

    def ours(self) -> None:
        inputs = (self.qkv, self.scale, self.bias, self.mask)
        call(find_library("CPU"), "Attention", *inputs, self.out, self.log_sums)

    def our_gradients(self) -> None:
        self.ours()
        inputs = (self.qkv, self.scale, self.bias, self.mask, self.out, self.log_sums, self.dout)
        call(find_library("CPU"), "AttentionGradient", *inputs, *self.gradients)

    def torch_term(self) -> torch.Tensor | None:
        term = self.of_torch[1] if self.bias is not NOTHING else None
        if self.mask is NOTHING:
            return term
        mask = torch.from_numpy(self.mask).repeat(self.sizes[0] // len(self.mask), 1, 1, 1)
        return mask if term is None else term + mask

    def torch_output(self, attend: Callable) -> torch.Tensor:
        q, k, v = self.of_torch[0].view(self.sizes).permute(2, 0, 3, 1, 4)
        return attend(q, k, v, self.torch_term()).transpose(1, 2).reshape(self.out.shape)

    def torch_forward(self, attend: Callable) -> None:
        with torch.no_grad():
            self.torch_output(attend)

    def torch_gradients(self, attend: Callable) -> None:
        for tensor in self.of_torch:
            tensor.grad = None
        self.torch_output(attend).backward(torch.from_numpy(self.dout))


def plain(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, term: torch.Tensor | None) -> object:
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    return (scores if term is None else scores + term).softmax(-1) @ v


def race(calls: dict[str, Callable[[], None]], rounds: int) -> Times:
    """The least time of each, by the wall and by the processor's clock."""
    best: Times = {name: (float("inf"),) * 2 for name in calls}
    for _ in range(rounds):
        for name, run in calls.items():
            wall, processor = time.perf_counter(), time.process_time()
            run()
            spent = (time.perf_counter() - wall, time.process_time() - processor)
            best[name] = (min(best[name][0], spent[0]), min(best[name][1], spent[1]))
    return best


def main(rounds: int = 10, *names: str) -> None:
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", len(os.sched_getaffinity(0)))))
    ratios = {}
    print("case, ours / sdpa / plain: wall ms, processor ms")
    for name in names or CASES:
        case = Case(name)
        for suffix, ours, theirs in [
            ("_fwd", case.ours, case.torch_forward),
            ("", case.our_gradients, case.torch_gradients),
        ]:
            sdpa = partial(theirs, scaled_dot_product_attention)
            calls = {"ours": ours, "sdpa": sdpa, "plain": partial(theirs, plain)}
            found = race(calls, int(rounds))
            columns = zip(*found.values())
            print(name + suffix, *(" / ".join(f"{1e3 * t:.2f}" for t in c) for c in columns))
            for other in ("sdpa", "plain"):
                for clock, unit in ((0, "wall"), (1, "processor")):
                    ratio = found[other][clock] / found["ours"][clock]
                    ratios[f"{name}{suffix}_vs_{other}_{unit}"] = round(ratio, 2)
    print(json.dumps(ratios))


if __name__ == "__main__":
    main(*sys.argv[1:])
