"""Cells with statistics that training moves and no gradient reaches."""

from __future__ import annotations

from mindspore import Parameter, nn


class MovingCell(nn.Cell):
    """A Cell that changes parameters of its own in training, from the batch it sees.

    Over several ranks the mean of what each moved them to is kept.
    """

    def moving(self) -> list[Parameter]:
        """The parameters that the present training moves."""
        raise NotImplementedError


def moving_statistics(net: nn.Cell) -> list[Parameter]:
    """All such parameters of ``net``."""
    cells = [cell for _, cell in net.cells_and_names() if isinstance(cell, MovingCell)]
    return [parameter for cell in cells for parameter in cell.moving()]
