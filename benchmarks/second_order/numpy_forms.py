"""The cases in NumPy, backward passes by hand; in float64 they are the reference of the others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import erf

from second_order.cases import COLUMN_EPS, ITERATIONS, NORM_EPS, Problem

Result = tuple[np.ndarray, dict[str, np.ndarray]]
Backward = Callable[[np.ndarray], dict[str, np.ndarray]]


def run(problem: Problem, inputs: dict[str, np.ndarray], gradient: np.ndarray | None) -> Result:
    """Output, and gradients of the trained inputs where ``gradient`` is given."""
    output, backward = _FORMS[problem.case.split("_")[0]](inputs)
    return output, {} if gradient is None else backward(gradient)


def _transposed(x: np.ndarray) -> np.ndarray:
    return x.swapaxes(-1, -2)


def covariance(inputs: dict[str, np.ndarray]) -> tuple[np.ndarray, Backward]:
    heads = inputs["heads"]  # (B, H, N, d)
    left, right, n = heads[:, :-1], heads[:, 1:], heads.shape[2]
    maps = _transposed(left) @ right
    maps /= n

    def backward(g: np.ndarray) -> dict[str, np.ndarray]:
        g = g / n
        d_heads = np.zeros_like(heads)
        d_heads[:, :-1] = right @ _transposed(g)
        d_heads[:, 1:] += left @ g
        return {"heads": d_heads}

    return maps, backward


def fused(inputs: dict[str, np.ndarray]) -> tuple[np.ndarray, Backward]:
    weight, bias, tokens = inputs["ln.weight"], inputs["ln.bias"], inputs["tokens"]
    b, n, width = tokens.shape
    z = tokens.reshape(b, n, -1, weight.size).transpose(0, 2, 1, 3)  # (B, H, N, d)
    hat = z - z.mean(-1, keepdims=True)
    inverse_std = 1 / np.sqrt((hat * hat).mean(-1, keepdims=True) + NORM_EPS)
    hat *= inverse_std
    heads = hat * weight + bias
    heads -= heads.mean((2, 3), keepdims=True)
    maps, back_to_heads = covariance({"heads": heads})
    norms = np.maximum(np.sqrt((maps * maps).sum(2, keepdims=True)), COLUMN_EPS)
    maps /= norms

    def backward(g: np.ndarray) -> dict[str, np.ndarray]:
        d_maps = (g - maps * (g * maps).sum(2, keepdims=True)) / norms
        d_heads = back_to_heads(d_maps)["heads"]
        d_heads -= d_heads.mean((2, 3), keepdims=True)
        d_weight, d_bias = (d_heads * hat).sum((0, 1, 2)), d_heads.sum((0, 1, 2))
        d_hat = d_heads * weight
        d_z = d_hat - d_hat.mean(-1, keepdims=True) - hat * (d_hat * hat).mean(-1, keepdims=True)
        d_z *= inverse_std
        d_tokens = d_z.transpose(0, 2, 1, 3).reshape(b, n, width)
        return {"tokens": d_tokens, "ln.weight": d_weight, "ln.bias": d_bias}

    return maps, backward


def head(inputs: dict[str, np.ndarray]) -> tuple[np.ndarray, Backward]:
    w = inputs
    used = w["tokens"][:, 1:].reshape(-1, w["tokens"].shape[2])  # (B N, C)
    batch = len(w["pooled"])
    projected = (used @ w["proj.weight"].T + w["proj.bias"]).reshape(batch, -1, len(w["proj.bias"]))
    maps, back_to_tokens = fused({**w, "tokens": projected})
    first, back_to_maps = _convolution(maps, w["downblocks.0.0.weight"])
    cdf = 0.5 * (1 + erf(first * first.dtype.type(np.sqrt(0.5))))
    second, back_to_first = _convolution(first * cdf, w["downblocks.0.2.weight"])
    flat = second.reshape(batch, -1)  # (B, P s s)
    l1 = w["pooled"] @ w["classifier1.weight"].T + w["classifier1.bias"]
    l2 = flat @ w["classifier2.weight"].T + w["classifier2.bias"]

    def backward(g: np.ndarray) -> dict[str, np.ndarray]:
        g = g / 2
        d_second = (g @ w["classifier2.weight"]).reshape(second.shape)
        d_gelu, d_conv2 = back_to_first(d_second)
        d_gelu *= cdf + first * np.exp(-first * first / 2) * first.dtype.type(
            1 / np.sqrt(2 * np.pi)
        )
        d_maps, d_conv1 = back_to_maps(d_gelu)
        grads = back_to_tokens(d_maps)
        d_projected = grads.pop("tokens").reshape(len(used), -1)
        return {
            **grads,
            "proj.weight": d_projected.T @ used, "proj.bias": d_projected.sum(0),
            "downblocks.0.0.weight": d_conv1, "downblocks.0.2.weight": d_conv2,
            "classifier1.weight": g.T @ w["pooled"], "classifier1.bias": g.sum(0),
            "classifier2.weight": g.T @ flat, "classifier2.bias": g.sum(0),
        }  # fmt: skip

    return (l1 + l2) / 2, backward


def _convolution(x: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, Callable]:
    """3 x 3, stride 2, no padding, as one product over windows; and its backward pass."""
    batch, channels, out = len(x), x.shape[1], len(weight)
    side = (x.shape[-1] - 3) // 2 + 1
    offsets = [(i, j) for i in range(3) for j in range(3)]
    window = [np.s_[:, :, i : i + 2 * side - 1 : 2, j : j + 2 * side - 1 : 2] for i, j in offsets]
    patches = np.stack([x[at] for at in window], 2).reshape(batch, channels * 9, -1)
    flat = weight.reshape(out, -1)

    def backward(g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        g = g.reshape(batch, out, -1)
        d_weight = (g @ _transposed(patches)).sum(0).reshape(weight.shape)
        d_patches = (flat.T @ g).reshape(batch, channels, 9, side, side)
        d_x = np.zeros_like(x)
        for k, at in enumerate(window):
            d_x[at] += d_patches[:, :, k]
        return d_x, d_weight

    return (flat @ patches).reshape(batch, out, side, side), backward


def isqrt(inputs: dict[str, np.ndarray]) -> tuple[np.ndarray, Backward]:
    x = inputs["tokens"]
    centred = x - x.mean(1, keepdims=True)
    n, dim = x.shape[1:]
    covariance_ = _transposed(centred) @ centred / n
    trace = np.trace(covariance_, axis1=1, axis2=2)[:, None, None]
    eye = np.eye(dim, dtype=x.dtype)
    a = covariance_ / trace
    y, z = a, eye
    tape = []
    for step in range(ITERATIONS):
        t = 1.5 * eye - 0.5 * (y if step == 0 else z @ y)
        tape.append((y, z, t))
        y, z = y @ t, (t if step == 0 else t @ z if step + 1 < ITERATIONS else z)
    rows, columns = np.triu_indices(dim)
    root = np.sqrt(trace)

    def backward(g: np.ndarray) -> dict[str, np.ndarray]:
        d_out = np.zeros_like(a)
        d_out[:, rows, columns] = g
        d_trace = (d_out * y).sum((1, 2), keepdims=True) / (2 * root)
        d_a = _newton_schulz_backward(tape, root * d_out)
        d_trace = d_trace - (d_a * a).sum((1, 2), keepdims=True) / trace
        d_covariance = d_a / trace + d_trace * eye
        return {"tokens": centred @ (d_covariance + _transposed(d_covariance)) / n}

    return (root * y)[:, rows, columns], backward


def _newton_schulz_backward(tape: list, d_y: np.ndarray) -> np.ndarray:
    d_z: np.ndarray | None = None  # the last Z is never made
    for step in range(len(tape) - 1, 0, -1):
        y, z, t = tape[step]
        d_t = _transposed(y) @ d_y
        if d_z is not None:
            d_t += d_z @ _transposed(z)
        d_m = -0.5 * d_t
        through_t = 0 if d_z is None else _transposed(t) @ d_z
        d_y, d_z = d_y @ _transposed(t) + _transposed(z) @ d_m, d_m @ _transposed(y) + through_t
    y, _, t = tape[0]
    d_t = _transposed(y) @ d_y + (0 if d_z is None else d_z)
    return d_y @ _transposed(t) - 0.5 * d_t


_FORMS = {"covariance": covariance, "fused": fused, "head": head, "isqrt": isqrt}
