"""The parameters of a network by depth."""

from __future__ import annotations

from collections.abc import Iterable

from mindspore import Parameter, nn

from mindtune.parameters import weights_of


def groups_by_depth(
    network: nn.Cell, blocks: Iterable[nn.Cell], norm: nn.Cell
) -> dict[str, list[Parameter]]:
    """``embed``, ``blocks.0``, ..., ``norm``, where ``embed`` is what belongs to no other."""
    groups = {f"blocks.{index}": weights_of(block) for index, block in enumerate(blocks)}
    groups["norm"] = weights_of(norm)
    placed = {id(parameter) for group in groups.values() for parameter in group}
    embedding = [parameter for parameter in weights_of(network) if id(parameter) not in placed]
    return {"embed": embedding, **groups}
