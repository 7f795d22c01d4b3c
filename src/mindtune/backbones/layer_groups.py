"""The parameters of a network by depth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mindspore import Parameter, nn

from mindtune.parameters import learnable_weights_of


def groups_by_depth(
    network: nn.Cell, blocks: Iterable[nn.Cell], norm: nn.Cell | None
) -> dict[str, list[Parameter]]:
    """``embed``, ``blocks.0``, ..., ``norm``, where ``embed`` is what belongs to no other.

    Running statistics are no parameters that train, and are left out.
    """
    groups = {f"blocks.{index}": learnable_weights_of(block) for index, block in enumerate(blocks)}
    if norm is not None:
        groups["norm"] = learnable_weights_of(norm)
    return _with_embedding(network, groups)


def groups_by_stage(
    network: nn.Cell, stages: Sequence[nn.Cell], norm: nn.Cell
) -> dict[str, list[Parameter]]:
    """The same with blocks counted through ``stages``, each Cells in order and a list of blocks.

    What leads from a stage to the next belongs to the block before it.
    """
    groups: dict[str, list[Parameter]] = {}
    for stage in stages:
        for part in stage.cells():
            if isinstance(part, nn.CellList):
                for block in part:
                    groups[f"blocks.{len(groups)}"] = learnable_weights_of(block)
            elif groups:
                groups[f"blocks.{len(groups) - 1}"] += learnable_weights_of(part)
    groups["norm"] = learnable_weights_of(norm)
    return _with_embedding(network, groups)


def _with_embedding(
    network: nn.Cell, groups: dict[str, list[Parameter]]
) -> dict[str, list[Parameter]]:
    placed = {id(parameter) for group in groups.values() for parameter in group}
    embedding = [p for p in learnable_weights_of(network) if id(p) not in placed]
    return {"embed": embedding, **groups}
