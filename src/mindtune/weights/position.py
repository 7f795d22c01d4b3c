"""Position embeddings for another patch grid."""

from __future__ import annotations

import math

import numpy as np

from mindtune.errors import ConfigError, WeightsError, nearest

Grid = tuple[int, int]
METHODS = ("bicubic", "antialias", "scale")
_TORCH_A, _PIL_A = -0.75, -0.5  # the free number of Keys' cubic kernel
_DINO_OFFSET = 0.1  # added to the grid by DINO, lest rounding lose a row


def resize_pos_embed(
    array: np.ndarray,
    num_prefix_tokens: int,
    old_grid: Grid | None,
    new_grid: Grid,
    method: str = "bicubic",
) -> np.ndarray:
    """Resample patch positions bicubically; prefix tokens (class token) are kept as they are.

    Half-pixel centres (no align-corners). Three methods are in use, and differ by a few percent of
    the largest value:

    * ``bicubic``: the Moment Probing code and timm before 0.9;
      ``torch.nn.functional.interpolate(mode="bicubic")``, a = -0.75, border positions repeated.
    * ``antialias``: timm since 0.9; the same with ``antialias=True``, whose kernel is PIL's: a
      = -0.5, widened when the grid shrinks.
    * ``scale``: DINO, iBOT and SMKD, who give torch the factor (new + 0.1) / old instead of the
      size, so that coordinates are off by that much.

    Args:
        array: (1, P + N, C), N patches row by row.
        num_prefix_tokens: P.
        old_grid: (rows, columns) of ``array``; None: a square.
        new_grid: (rows, columns) wanted.
        method: one of ``METHODS``.

    Returns:
        (1, P + rows * columns, C), float32.

    Raises:
        WeightsError: the number of tokens does not fit ``old_grid``, or is no square without one.
        ConfigError: unknown ``method``.
    """
    prefix = array[:, :num_prefix_tokens]  # (1, P, C)
    patches = array[:, num_prefix_tokens:]  # (1, N, C)
    rows, columns = old_grid or square_grid(patches.shape[1])
    if rows * columns != patches.shape[1]:
        raise WeightsError(
            f"pos_embed: got {patches.shape[1]} patch tokens beside {num_prefix_tokens} prefix "
            f"tokens, expected {rows} x {columns}; give the grid that the file was made for"
        )
    channels = patches.shape[2]
    image = patches.reshape(rows, columns, channels).astype(np.float64)  # (h, w, C)
    vertical = resize_matrix(rows, new_grid[0], method)  # (H, h)
    horizontal = resize_matrix(columns, new_grid[1], method)  # (W, w)
    resized = np.einsum("Yy,yxc,Xx->YXc", vertical, image, horizontal, optimize=True)  # (H, W, C)
    resized = resized.reshape(1, -1, channels)  # (1, HW, C)
    return np.concatenate([prefix, resized], axis=1).astype(np.float32)


def resize_matrix(old: int, new: int, method: str) -> np.ndarray:
    """Weights (new, old) of the resampling along one axis; rows sum to 1.

    Raises:
        ConfigError: unknown ``method``.
    """
    if method not in METHODS:
        raise ConfigError(
            f"position_resize: got {method!r}, expected a known method{nearest(method, METHODS)}"
        )
    if method == "antialias":
        return _widened_matrix(old, new)
    step = old / (new + _DINO_OFFSET) if method == "scale" else old / new
    return _four_tap_matrix(old, new, step)


def square_grid(tokens: int) -> Grid:
    """(side, side) of a square of ``tokens`` patches.

    Raises:
        WeightsError: ``tokens`` is no square number.
    """
    side = math.isqrt(max(tokens, 0))
    if tokens < 1 or side * side != tokens:
        raise WeightsError(
            f"pos_embed: got {tokens} patch tokens, expected a square number; give the grid "
            "(rows, columns)"
        )
    return side, side


def _four_tap_matrix(old: int, new: int, step: float) -> np.ndarray:
    """Each new position from the four nearest old ones, those beyond the border being the last."""
    centres = (np.arange(new) + 0.5) * step - 0.5
    first = np.floor(centres).astype(int) - 1
    matrix = np.zeros((new, old))
    for tap in range(4):
        source = first + tap
        weights = _cubic(np.abs(centres - source), _TORCH_A)
        np.add.at(matrix, (np.arange(new), np.clip(source, 0, old - 1)), weights)
    return matrix


def _widened_matrix(old: int, new: int) -> np.ndarray:
    """Each new position from all old ones under the kernel, nothing beyond the border."""
    step = old / new
    width = max(step, 1.0)
    centres = (np.arange(new) + 0.5) * step - 0.5
    matrix = _cubic(np.abs(centres[:, None] - np.arange(old)) / width, _PIL_A)
    return matrix / matrix.sum(1, keepdims=True)


def _cubic(distance: np.ndarray, a: float) -> np.ndarray:
    """Keys' cubic convolution kernel at ``distance`` >= 0; nothing from 2 on."""
    x = np.minimum(distance, 2.0)
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return np.where(x <= 1, near, far)
