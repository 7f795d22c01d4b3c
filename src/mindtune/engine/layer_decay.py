"""Learning rates that fall from the head to the input, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from mindspore import Parameter

from mindtune.errors import ConfigError

_BLOCK = "blocks."


@dataclass(frozen=True)
class RateGroups:
    """Parameters that learn at the same rate.

    Attributes:
        scales: peak rate of each group over that of the run.
        members: group of each parameter by its ``id``.
    """

    scales: tuple[float, ...]
    members: Mapping[int, int]

    def numbers(self, parameters: Sequence[Parameter]) -> list[int]:
        """The group of each of ``parameters``."""
        return [self.members[id(parameter)] for parameter in parameters]

    def rates(
        self, schedule: Callable[[float], np.ndarray], absolute_floor: bool = False
    ) -> np.ndarray:
        """Learning rate of every update and group, float64 (T, G).

        Args:
            schedule: rates (T,) of a run whose peak is multiplied by the given scale while the
                start of its warm-up and its minimum stay.
            absolute_floor: these two are the same number for all groups, as Feature Distillation's
                code has it: the rate of a group whose peak lies below them falls in the warm-up
                and rises afterwards. Otherwise the whole schedule is scaled.
        """
        if absolute_floor:
            return np.stack([schedule(scale) for scale in self.scales], axis=1)
        return schedule(1.0)[:, None] * np.array(self.scales)


def one_rate(groups: Mapping[str, Sequence[Parameter]]) -> RateGroups:
    """All parameters learn alike."""
    return RateGroups((1.0,), {id(p): 0 for group in groups.values() for p in group})


def layer_decay(groups: Mapping[str, Sequence[Parameter]], decay: float) -> RateGroups:
    """``decay ** (L + 1 - i)``: i is 0 before the blocks, 1 to L in them, L + 1 behind them.

    BEiT (Bao et al., ICLR 2022); Feature Distillation counts the blocks of a Swin through its
    stages in the same way, and what merges tokens with the block before it.

    Args:
        groups: parameters from the input up, those of block i under ``blocks.i``.
        decay: rate of a layer over that of the next one.

    Raises:
        ConfigError: no blocks.
    """
    depth = sum(name.startswith(_BLOCK) for name in groups)
    if depth == 0:
        raise ConfigError(
            f"optim.layer_decay: got {decay}, but the backbone has no blocks to count "
            f"({', '.join(groups)}); leave it out"
        )
    members, number = {}, 0
    for name, group in groups.items():
        if name.startswith(_BLOCK):
            number += 1
        elif number > 0:
            number = depth + 1
        members.update({id(parameter): number for parameter in group})
    return RateGroups(tuple(decay ** (depth + 1 - i) for i in range(depth + 2)), members)
