"""Where the key lies as seen from the query: the row of a table of relative position biases."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops

from mindtune.layers.permute import Permute


def relative_position_index(rows: int, columns: int) -> np.ndarray:
    """Table row of every query and key of a grid, int32 (N, N) with N = rows * columns.

    Row ``(dr + rows - 1) * (2 columns - 1) + dc + columns - 1`` for a key that lies ``dr`` rows
    above and ``dc`` columns left of the query; the table has ``(2 rows - 1)(2 columns - 1)`` rows.
    """
    row, column = np.divmod(np.arange(rows * columns), columns)
    above = row[:, None] - row[None] + rows - 1
    left = column[:, None] - column[None] + columns - 1
    return (above * (2 * columns - 1) + left).astype(np.int32)


def index_with_class_token(rows: int, columns: int) -> np.ndarray:
    """The same with a class token before the patches, int32 (1 + N, 1 + N).

    The last three rows of the table are for the class token: as a query of patches, as their key,
    and with itself (BEiT, Bao et al., ICLR 2022).
    """
    distances = (2 * rows - 1) * (2 * columns - 1)
    index = np.empty((1 + rows * columns,) * 2, np.int32)
    index[1:, 1:] = relative_position_index(rows, columns)
    index[0], index[:, 0], index[0, 0] = distances, distances + 1, distances + 2
    return index


class PositionBias(nn.Cell):
    """Biases of the scores (H, N, N) from a table (R, H) and the rows of it, int32 (N, N).

    It holds no parameters: what holds them calls it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.heads_first = Permute(2, 0, 1)

    def construct(self, table: Tensor, index: Tensor) -> Tensor:
        return self.heads_first(ops.gather(table, index, 0))
