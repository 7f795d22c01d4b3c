"""Position embeddings for another patch grid."""

from __future__ import annotations

import math

import numpy as np

from mindtune.errors import WeightsError

Grid = tuple[int, int]
_CUBIC_A = -0.75  # PyTorch's; PIL uses -0.5


def resize_pos_embed(
    array: np.ndarray, num_prefix_tokens: int, old_grid: Grid | None, new_grid: Grid
) -> np.ndarray:
    """Resample patch positions bicubically; prefix tokens (class token) are kept as they are.

    Half-pixel centres (no align-corners), border pixels repeated, a = -0.75 and no antialiasing:
    ``torch.nn.functional.interpolate(mode="bicubic")`` to 1e-6, which is what the Moment Probing
    code and timm before 0.9 do (newer timm antialiases when the grid shrinks).

    Args:
        array: (1, P + N, C), N patches row by row.
        num_prefix_tokens: P.
        old_grid: (rows, columns) of ``array``; None: a square.
        new_grid: (rows, columns) wanted.

    Returns:
        (1, P + rows * columns, C), float32.

    Raises:
        WeightsError: the number of tokens does not fit ``old_grid``, or is no square without one.
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
    vertical = _cubic_matrix(rows, new_grid[0])  # (H, h)
    horizontal = _cubic_matrix(columns, new_grid[1])  # (W, w)
    resized = np.einsum("Yy,yxc,Xx->YXc", vertical, image, horizontal, optimize=True)  # (H, W, C)
    resized = resized.reshape(1, -1, channels)  # (1, HW, C)
    return np.concatenate([prefix, resized], axis=1).astype(np.float32)


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


def _cubic_matrix(old: int, new: int) -> np.ndarray:
    """Weights (new, old) of the one-dimensional resampling; rows sum to 1."""
    centres = (np.arange(new) + 0.5) * (old / new) - 0.5
    first = np.floor(centres).astype(int) - 1
    matrix = np.zeros((new, old))
    for tap in range(4):
        source = first + tap
        weights = _cubic(np.abs(centres - source))
        np.add.at(matrix, (np.arange(new), np.clip(source, 0, old - 1)), weights)
    return matrix


def _cubic(distance: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution kernel at ``distance`` in [0, 2]."""
    a, x = _CUBIC_A, distance
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return np.where(x <= 1, near, far)
