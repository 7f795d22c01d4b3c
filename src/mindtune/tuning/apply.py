"""Say what of a network trains: the named tuning modes, composed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mindspore import Parameter, nn

from mindtune.errors import ConfigError, nearest

Tuning = Callable[[nn.Cell], "list[Parameter]"]


def train_nothing(backbone: nn.Cell) -> list[Parameter]:
    """``linear``: the backbone stays as it is; only the head trains."""
    return []


def train_everything(backbone: nn.Cell) -> list[Parameter]:
    """``full``: every weight of the backbone trains; statistics of batch norms are no weights."""
    return [p for group in backbone.layer_groups().values() for p in group if p.requires_grad]


def apply_tunings(backbone: nn.Cell, tunings: Sequence[Tuning]) -> list[Parameter]:
    """Apply each tuning in turn and freeze what none of them trains.

    A tuning may change the backbone (add PSRP, ...) and returns the parameters it trains; the union
    trains. Parameters are told apart by identity, never by what their names contain.

    Returns:
        The backbone parameters that train.
    """
    chosen = {id(p): p for tuning in tunings for p in tuning(backbone)}
    for parameter in backbone.get_parameters():
        parameter.requires_grad = id(parameter) in chosen
    return list(chosen.values())


def find_tunings(names: Sequence[str], available: dict[str, Tuning]) -> list[Tuning]:
    """Tunings by name.

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
    return [available[name] for name in names]
