"""Compare the tensors of a file with the parameters of a network, name by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mindtune.weights.relative_position import TABLE

POSITIONS = (  # tokens are the last axis but one
    "pos_embed",
    "visual.positional_embedding",
    "visual.attnpool.positional_embedding",
)

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Fit:
    """What of a file goes where, all names being timm's.

    Attributes:
        loaded: tensors that fill a parameter as they are.
        resized: position embedding and tables of relative positions of which only the grid differs.
        new: parameters which the file does not have and need not have.
        dropped: tensors left out on request.
        missing: parameters which the file should have.
        unexpected: tensors for which the network has no parameter.
        misshaped: names with the shape in the file and in the network.
    """

    loaded: tuple[str, ...]
    resized: tuple[str, ...]
    new: tuple[str, ...]
    dropped: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshaped: dict[str, tuple[Shape, Shape]]

    @property
    def is_whole(self) -> bool:
        """Whether every name is accounted for and something is loaded at all."""
        accounted = not (self.missing or self.unexpected or self.misshaped)
        return accounted and bool(self.loaded or self.resized)


def compare(
    network: Mapping[str, Shape],
    tensors: Mapping[str, np.ndarray],
    new: Sequence[str],
    dropped: Sequence[str],
) -> Fit:
    """Account for every name.

    Tensors covered by ``dropped`` are left out first, unless the network has a parameter of this
    name which is not covered by ``new`` and so cannot do without it (ConvNeXt's final norm is
    called ``head.norm``). A parameter covered by ``new`` is loaded all the same if the file still
    has it.

    Args:
        network: shapes of the parameters.
        tensors: of the file.
        new: names, or beginnings of names that end at a dot.
        dropped: the same for tensors of the file.
    """
    needed = {name for name in network if not covered(name, new)}
    offered = {
        name: array.shape
        for name, array in tensors.items()
        if name in needed or not covered(name, dropped)
    }
    common = [name for name in network if name in offered]
    equal = [name for name in common if offered[name] == network[name]]
    resized = [
        name
        for name in common
        if name not in equal and _only_grid_differs(name, offered[name], network[name])
    ]
    misshaped = {
        name: (offered[name], network[name])
        for name in common
        if name not in equal and name not in resized
    }
    absent = [name for name in network if name not in offered]
    return Fit(
        loaded=tuple(equal),
        resized=tuple(resized),
        new=tuple(name for name in absent if covered(name, new)),
        dropped=tuple(name for name in tensors if name not in offered),
        missing=tuple(name for name in absent if not covered(name, new)),
        unexpected=tuple(name for name in offered if name not in network),
        misshaped=misshaped,
    )


def covered(name: str, prefixes: Iterable[str]) -> bool:
    """Whether ``name`` is one of ``prefixes`` or lies below one: ``head`` covers ``head.weight``,
    not ``header.weight``."""
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def absent_parts(network: Iterable[str], parts: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Names, or beginnings of names, in those of ``parts`` which ``network`` has nothing of."""
    names = list(network)
    absent = [part for part in parts if not any(covered(name, part) for name in names)]
    return tuple(prefix for part in absent for prefix in part)


def _only_grid_differs(name: str, offered: Shape, wanted: Shape) -> bool:
    if name not in POSITIONS and name.rpartition(".")[2] != TABLE:
        return False
    both_matrices = len(offered) == len(wanted) >= 2
    return both_matrices and offered[-1] == wanted[-1] and offered[:-2] == wanted[:-2]
