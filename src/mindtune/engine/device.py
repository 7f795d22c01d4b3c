"""Choose the device and graph mode, once, before any network is built."""

from __future__ import annotations

import mindspore as ms

from mindtune.environment import usable_threads
from mindtune.errors import UserError


def use_device(device_target: str, seed: int) -> None:
    """Run everything that follows as compiled graphs on ``device_target``, seeded.

    A device that is in use already is not set again: MindSpore refuses once an operator has run.

    Raises:
        UserError: MindSpore has no such device here.
    """
    try:
        ms.set_context(mode=ms.GRAPH_MODE)
        if ms.get_context("device_target") != device_target:
            ms.set_device(device_target)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"device_target: MindSpore cannot use {device_target} on this machine ({reason}); "
            "use --device_target CPU, or install its driver and libraries"
        ) from error
    _limit_threads()
    ms.set_seed(seed)


def _limit_threads() -> None:
    """Threads of MindSpore's own CPU operators: it would take one for every core of the machine,
    whatever the affinity mask says. Fewer than two stop it from preparing operators ahead.
    """
    try:
        ms.device_context.cpu.op_tuning.threads_num(max(2, usable_threads()))
    except RuntimeError:  # it can be set once in a process: by whom called us, or by us before
        return
