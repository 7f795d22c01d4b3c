"""Block Expansion: new blocks between frozen ones, each the identity at the start.

Bafghi et al., "Parameter efficient fine-tuning of self-supervised ViTs without catastrophic
forgetting", CVPR Workshops 2024 (arXiv 2404.17245), section 3, after LLaMA Pro.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from mindspore import Parameter, Tensor, nn

from mindtune.errors import ConfigError
from mindtune.parameters import learnable_weights_of, name_by_place, named_weights
from mindtune.weights.load import Rename
from mindtune.weights.low_rank import SLOT

_OUTPUTS = ("attn.proj", "attn.out_proj", "mlp.fc2", "mlp.c_proj", "psrp.up_bias")
_BRANCHES = 2  # of a block; each ends in one of these
_DEFAULT_BLOCKS = 3
_OPTIONS = "tuning.block_expansion"


def new_positions(
    depth: int,
    num_blocks: int | None = None,
    split: int | None = None,
    positions: Sequence[int] | None = None,
) -> tuple[int, ...]:
    """Where the new blocks lie in the expanded stack, counted from 0; at most one option is given.

    Args:
        depth: blocks L before.
        num_blocks: p new blocks, as evenly spread as they can be: the j-th (from 1) follows block
            j L / p, rounded down. Default: 3.
        split: a new block after every ``split`` blocks, as the authors' code counts.
        positions: given outright.

    Raises:
        ConfigError: several options, or values out of their range.
    """
    given = {"num_blocks": num_blocks, "split": split, "positions": positions}
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise ConfigError(
            f"{_OPTIONS}: got {' and '.join(named)}, expected one of them; leave the others out"
        )
    if positions is not None:
        return _checked_positions(depth, positions)
    if split is not None:
        _check_range("split", split, depth)
        return tuple(after + i for i, after in enumerate(range(split, depth + 1, split)))
    count = _DEFAULT_BLOCKS if num_blocks is None else num_blocks
    _check_range("num_blocks", count, depth)
    return tuple((j + 1) * depth // count + j for j in range(count))


def _check_range(option: str, value: int, depth: int) -> None:
    if not 1 <= value <= depth:
        raise ConfigError(
            f"{_OPTIONS}.{option}: got {value}, expected 1 to {depth}, the blocks of this backbone"
        )


def _checked_positions(depth: int, positions: Sequence[int]) -> tuple[int, ...]:
    total = depth + len(positions)
    ordered = tuple(sorted(set(positions)))
    inside = all(1 <= position < total for position in ordered)
    if not positions or len(ordered) != len(positions) or not inside:
        raise ConfigError(
            f"{_OPTIONS}.positions: got {list(positions)}, expected different numbers from 1 to "
            f"{total - 1}: places among the {total} blocks of the expanded network, the first of "
            "which stays"
        )
    return ordered


def expand_blocks(
    backbone: nn.Cell,
    num_blocks: int | None = None,
    split: int | None = None,
    positions: Sequence[int] | None = None,
) -> list[Parameter]:
    """Insert copies of blocks which add nothing at first; the backbone itself is changed.

    A new block is a copy of the one before it in which the last linear map of both branches, weight
    and bias, is zero: ``x + 0``, then ``x + 0``, bit for bit the identity, with or without layer
    scale. Their places stay in ``backbone.new_blocks``.

    Args:
        backbone: a ViT, BEiT or CLIP's ViT, whose blocks are one list.
        num_blocks: see ``new_positions``, as are the others.
        split: blocks between new ones.
        positions: places of the new blocks.

    Returns:
        All parameters of the new blocks, which are what this tuning trains.

    Raises:
        ConfigError: a backbone whose blocks are no one list, or options out of their range.
    """
    blocks = backbone.blocks
    if not isinstance(blocks, nn.CellList) or not all(map(_can_be_identity, blocks)):
        raise ConfigError(
            f"tuning block_expansion: got {type(backbone).__name__}, expected a ViT, BEiT or the "
            "ViT of CLIP, whose blocks are of one width and end in known projections; use tuning "
            "lora or top_k, or another backbone"
        )
    chosen = new_positions(len(blocks), num_blocks, split, positions)
    for position in chosen:
        blocks.insert(position, copy.deepcopy(blocks[position - 1]))
    backbone.new_blocks = chosen
    name_by_place(backbone)
    fill_new_blocks(backbone)
    return [p for position in chosen for p in learnable_weights_of(blocks[position])]


def _can_be_identity(block: nn.Cell) -> bool:
    names = named_weights(block)
    return sum(f"{output}.weight" in names for output in _OUTPUTS[:-1]) == _BRANCHES


def fill_new_blocks(backbone: nn.Cell) -> None:
    """Make every new block the identity again: its neighbour's weights, its projections zero.

    To be called whenever the others have changed: after weights were loaded, or another tuning has
    put something into the blocks. Nothing happens to a backbone that was not expanded.
    """
    for position in getattr(backbone, "new_blocks", ()):
        source = named_weights(backbone.blocks[position - 1])
        for name, parameter in named_weights(backbone.blocks[position]).items():
            value = source[name].asnumpy()
            parameter.set_data(Tensor(np.zeros_like(value) if _is_output(name) else value.copy()))


def _is_output(name: str) -> bool:
    """Whether a parameter of a block makes the end of a branch; of an update of LoRA, its B."""
    for output in _OUTPUTS:
        if name.startswith(f"{output}.{SLOT}."):
            return not name.endswith(".A")
        if name in (f"{output}.weight", f"{output}.bias"):
            return True
    return False


def new_block_names(backbone: nn.Cell) -> list[str]:
    """Where the new blocks are, such as ``blocks.4``; empty for a backbone without any."""
    stem = _stem(backbone)
    return [f"{stem}.{position}" for position in getattr(backbone, "new_blocks", ())]


def for_expanded(backbone: nn.Cell) -> Rename:
    """How the tensors of the network before its expansion are called in ``backbone``.

    The function that is returned takes tensors under timm's names, and leaves those of a network
    that is as deep as ``backbone`` as they are.
    """
    new, stem = getattr(backbone, "new_blocks", ()), f"{_stem(backbone)}."
    total = len(backbone.blocks)
    old = [position for position in range(total) if position not in new]

    def rename(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        numbers = {name: _number(name, stem) for name in tensors}
        if len({number for number in numbers.values() if number is not None}) != len(old):
            return tensors
        renamed = {}
        for name, array in tensors.items():
            number = numbers[name]
            if number is not None and number < len(old):
                rest = name[len(stem) :].partition(".")[2]
                name = f"{stem}{old[number]}.{rest}"
            renamed[name] = array
        return renamed

    return rename


def _stem(backbone: nn.Cell) -> str:
    return next((n for n, cell in backbone.cells_and_names() if cell is backbone.blocks), "")


def _number(name: str, stem: str) -> int | None:
    """The number of the block that a tensor belongs to; None: it belongs to no block."""
    number = name[len(stem) :].partition(".")[0]
    return int(number) if name.startswith(stem) and number.isdigit() else None
