"""Say what of a network trains: the named tuning modes, composed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mindspore import Parameter, nn

from mindtune.errors import ConfigError, nearest
from mindtune.layers.attention import SelfAttention
from mindtune.layers.batch_norm import BatchNorm
from mindtune.layers.biased_attention import RelativePositionBias
from mindtune.parameters import learnable_weights_of, name_by_place
from mindtune.tuning.block_expansion import fill_new_blocks

Tuning = Callable[[nn.Cell], "list[Parameter]"]


def train_nothing(backbone: nn.Cell) -> list[Parameter]:
    """``linear``: the backbone stays as it is; only the head trains."""
    return []


def train_everything(backbone: nn.Cell) -> list[Parameter]:
    """``full``: every weight of the backbone trains; statistics of batch norms are no weights."""
    return learnable_weights_of(backbone)


def train_norm(backbone: nn.Cell) -> list[Parameter]:
    """``norm``: the final norm trains, as it does in the Moment Probing authors' ConvNeXt.

    Raises:
        ConfigError: a backbone without a final norm.
    """
    groups = backbone.layer_groups()
    if "norm" not in groups:
        raise ConfigError(
            f"tuning norm: {type(backbone).__name__} has no final norm; leave norm out of the modes"
        )
    return groups["norm"]


def train_last_blocks(backbone: nn.Cell, num_blocks: int = 3) -> list[Parameter]:
    """``top_k``: the last ``num_blocks`` blocks train, the final norm only beside tuning ``norm``.

    Between the blocks of a hierarchical network lies what leads from one stage to the next; it
    trains where it comes after the first of these blocks. Three on a ViT-B is what the Block
    Expansion authors call Top-3, which their code does not hold.

    Raises:
        ConfigError: more blocks than there are, or none.
    """
    depth = len(backbone.blocks)
    if not 1 <= num_blocks <= depth:
        raise ConfigError(
            f"tuning.top_k.num_blocks: got {num_blocks}, expected 1 to the {depth} blocks of "
            f"{type(backbone).__name__}; --tuning.modes [full] trains everything"
        )
    groups = backbone.layer_groups()
    return [p for i in range(depth - num_blocks, depth) for p in groups[f"blocks.{i}"]]


def apply_tunings(backbone: nn.Cell, tunings: Sequence[Tuning]) -> list[Parameter]:
    """Apply each tuning in turn and freeze what none of them trains.

    A tuning may change the backbone (add PSRP, ...) and returns the parameters it trains; the union
    trains.

    Returns:
        The backbone parameters that train.
    """
    chosen = {id(p): p for tuning in tunings for p in tuning(backbone)}
    fill_new_blocks(backbone)  # what was put into them since must not undo the identity
    train_only(backbone, chosen)
    return list(chosen.values())


def freeze(backbone: nn.Cell) -> None:
    """Let nothing of ``backbone`` train; its values stay, also those of new blocks."""
    train_only(backbone, {})


def train_only(backbone: nn.Cell, chosen: Mapping[int, Parameter]) -> None:
    """Let ``chosen`` train, by identity, and nothing else.

    Parameters are told apart by identity, never by what their names contain, and are named by their
    place afterwards. A batch norm whose scale does not train keeps its running statistics, too;
    CLIP's keep them always.
    """
    name_by_place(backbone)
    for parameter in backbone.get_parameters():
        parameter.requires_grad = id(parameter) in chosen
    for _, cell in backbone.cells_and_names():
        if isinstance(cell, BatchNorm):
            cell.frozen = cell.keeps_statistics or id(cell.weight) not in chosen
    _fix_frozen_biases(backbone, set(chosen))


def _fix_frozen_biases(backbone: nn.Cell, chosen: set[int]) -> None:
    """Attention whose scores have a bias that does not train computes no gradient of it."""
    cells = [cell for _, cell in backbone.cells_and_names()]
    shared = [cell for cell in cells if isinstance(cell, RelativePositionBias)]
    outside = [parameter for cell in shared for parameter in cell.get_parameters()]
    for cell in cells:
        if isinstance(cell, SelfAttention):
            sources = cell.bias_parameters() or outside
            cell.attention.bias_trains = any(id(parameter) in chosen for parameter in sources)


def find_tunings(names: Sequence[str], available: dict[str, Tuning]) -> list[Tuning]:
    """Tunings by name, in the order of ``available``: what changes the structure comes first.

    Raises:
        ConfigError: unknown name, the same one twice, or none at all.
    """
    for name in names:
        if name not in available:
            raise ConfigError(
                f"tuning.modes: got {name!r}, expected a known tuning{nearest(name, available)}"
            )
    if not names or len(set(names)) != len(names):
        raise ConfigError(
            f"tuning.modes: got {list(names)}, expected one or more different tunings"
        )
    return [tuning for name, tuning in available.items() if name in names]
