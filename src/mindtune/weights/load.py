"""Load a weight file into a network strictly: every name is accounted for, or nothing changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mindspore import Parameter, Tensor, nn

from mindtune.errors import WeightsError
from mindtune.parameters import named_weights
from mindtune.weights.cure import suggest_cure
from mindtune.weights.fit import POSITIONS, Fit, Shape, absent_parts, compare
from mindtune.weights.fit_table import count_faults, fit_table
from mindtune.weights.names import Renamed, canonical_names, to_timm
from mindtune.weights.position import Grid, resize_pos_embed, square_grid
from mindtune.weights.readers import read_tensors
from mindtune.weights.relative_position import per_block, resize_bias_table
from mindtune.weights.weight_file import WeightFile

Rename = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]

_MOST_NAMES = 3
MINDSPORE_TRAINING_STATE = (  # what MindSpore's own training writes beside the weights
    "moment1", "moment2", "vhat", "adam_m", "adam_v", "moments", "momentum", "accum", "stat",
    "exp_avg", "exp_avg_sq", "beta1_power", "beta2_power", "global_step", "learning_rate",
    "state_step", "epoch_num", "step_num", "scale_sense", "current_iterator_step",
    "last_overflow_iterator_step",
)  # fmt: skip


@dataclass(frozen=True)
class LoadReport:
    """What became of every name, under timm's names.

    Attributes:
        source: file name, layout, chosen state dict, and whose names were translated.
        loaded: parameters filled from the file, resized ones included.
        new: parameters left as they were initialised.
        dropped: tensors of the file left out, on request or because no network here has a place.
        resized: such as ``pos_embed 14 x 14 -> 24 x 24``.
    """

    source: str
    loaded: tuple[str, ...]
    new: tuple[str, ...]
    dropped: tuple[str, ...]
    resized: tuple[str, ...]

    def summary(self) -> str:
        """One line for the log."""
        total = len(self.loaded) + len(self.new)
        parts = [f"weights: {len(self.loaded)} of {total} parameters loaded from {self.source}"]
        for label, names in (
            ("new", self.new),
            ("dropped", self.dropped),
            ("resized", self.resized),
        ):
            if names:
                parts.append(f"{label}: {_few(names)}")
        return "; ".join(parts)


def load_weights(
    net: nn.Cell,
    file: WeightFile | Path | str,
    *,
    key: str | None = None,
    new: Sequence[str] = (),
    dropped: Sequence[str] = (),
    num_prefix_tokens: int = 1,
    grid: Grid | None = None,
    reset_option: str = "--head.reset true",
    position_resize: str = "bicubic",
    rename: Rename | None = None,
) -> LoadReport:
    """Fill the parameters of ``net`` from ``file``, all or none.

    Names on both sides are brought to timm's (``canonical_names``, ``to_timm``) before they are
    compared; ``new`` and ``dropped`` speak of those: ``head`` means ``head.weight``,
    ``head.proj.weight``, ..., not ``header.weight``.

    Args:
        net: any network; parameters called ``rng_step`` are run state and stay.
        file: a path, or what ``read_tensors`` gave.
        key: which state dict of a training checkpoint; only with a path.
        new: parameters which the file need not have. Those that it has all the same are loaded;
            name them in ``dropped`` too to start them afresh.
        dropped: tensors of the file to leave out; optimiser state of a ``.ckpt`` always is.
        num_prefix_tokens: tokens of a position embedding before the patches.
        grid: (rows, columns) of the network's patches; None: a square. The file's are a square.
        reset_option: the command line which starts with a new head, for the message.
        position_resize: how ``pos_embed`` is resampled for another grid, one of
            ``mindtune.weights.position.METHODS``.
        rename: what to make of the file's tensors under timm's names before they are compared, for
            a network in which they have moved.

    Raises:
        WeightsError: the file cannot be read, a name is missing, unexpected or mis-shaped (the
            message holds the table and the nearest cure), or a number is nan or inf. ``net`` is
            unchanged.
    """
    if not isinstance(file, WeightFile):
        file = read_tensors(file, key)
    if file.layout == "ckpt":
        dropped = (*dropped, *MINDSPORE_TRAINING_STATE)
    parameters = _by_timm_name(net)
    network = {name: tuple(parameter.shape) for name, parameter in parameters.items()}
    try:
        renamed = to_timm(file.tensors)
        moved = renamed.tensors if rename is None else rename(renamed.tensors)
        tensors = per_block(moved, network)
        if tensors is not moved:  # a pre-training file, whose last norm is another
            new, dropped = (*new, "fc_norm"), (*dropped, "norm")
        dropped = (*dropped, *absent_parts(network, renamed.parts))
        fit = _whole_fit(network, tensors, new, dropped, reset_option, file.key)
        arrays = {name: tensors[name] for name in (*fit.loaded, *fit.resized)}
        _check_finite(arrays)
        resized = _resize(arrays, fit, network, num_prefix_tokens, grid, position_resize)
    except WeightsError as error:
        raise WeightsError(f"weights {file.path}: {error}") from error
    _fill(parameters, arrays)
    dropped_names = (*fit.dropped, *renamed.unused)
    return LoadReport(_source(file, renamed), tuple(arrays), fit.new, dropped_names, resized)


def _source(file: WeightFile, renamed: Renamed) -> str:
    translated = f"{renamed.source} names" if renamed.source else ""
    return ", ".join(s for s in (file.path.name, file.layout, file.key, translated) if s)


def _resize(
    arrays: dict[str, np.ndarray],
    fit: Fit,
    network: Mapping[str, Shape],
    num_prefix_tokens: int,
    grid: Grid | None,
    position_resize: str,
) -> tuple[str, ...]:
    """Bring what depends on the grid in ``arrays`` to the network's; says which, from and to."""
    resized = []
    for name in fit.resized:
        array, wanted = arrays[name], network[name]
        if name not in POSITIONS:
            arrays[name] = resize_bias_table(array, wanted[0])
            resized.append(f"{name} {array.shape[0]} -> {wanted[0]}")
            continue
        tokens = array.reshape(1, *array.shape[-2:])  # (1, P + N, C)
        new_grid = grid or square_grid(wanted[-2] - num_prefix_tokens)
        old_grid = square_grid(tokens.shape[1] - num_prefix_tokens)
        tokens = resize_pos_embed(tokens, num_prefix_tokens, old_grid, new_grid, position_resize)
        arrays[name] = tokens.reshape(*array.shape[:-2], *tokens.shape[1:])  # as in the file
        if arrays[name].shape != wanted:
            raise WeightsError(
                f"{name}: got grid {_grid(new_grid)}, but the network's has shape {wanted} "
                f"with {num_prefix_tokens} prefix tokens; give the network's grid"
            )
        resized.append(f"{name} {_grid(old_grid)} -> {_grid(new_grid)}")
    return tuple(resized)


def _by_timm_name(net: nn.Cell) -> dict[str, Parameter]:
    parameters = named_weights(net)
    names = canonical_names(parameters)
    return {names[name]: parameter for name, parameter in parameters.items()}


def _whole_fit(
    network: Mapping[str, Shape],
    tensors: Mapping[str, np.ndarray],
    new: Sequence[str],
    dropped: Sequence[str],
    reset_option: str,
    key: str | None,
) -> Fit:
    fit = compare(network, tensors, new, dropped)
    if not fit.is_whole:
        shapes = {name: array.shape for name, array in tensors.items()}
        cure = suggest_cure(fit, network, shapes, reset_option, key)
        lines = [f"does not fit the network: {count_faults(fit)}; {cure}"]
        raise WeightsError("\n".join([*lines, *fit_table(fit, network, shapes)]))
    return fit


def _check_finite(arrays: Mapping[str, np.ndarray]) -> None:
    broken = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if broken:
        raise WeightsError(
            f"got nan or inf in {_few(broken)}, expected finite numbers; the training that wrote "
            "the file had diverged, or it is damaged: give an earlier checkpoint"
        )


def _fill(parameters: Mapping[str, Parameter], arrays: Mapping[str, np.ndarray]) -> None:
    """Copy every array before the first parameter changes."""
    data = {
        name: Tensor(np.asarray(a, order="C"), parameters[name].dtype) for name, a in arrays.items()
    }
    for name, tensor in data.items():
        parameters[name].set_data(tensor)


def _grid(grid: Grid) -> str:
    return f"{grid[0]} x {grid[1]}"


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown}, ... ({len(names)} in all)"
