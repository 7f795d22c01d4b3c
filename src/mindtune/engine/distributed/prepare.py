"""What a rank does before MindSpore is imported."""

from __future__ import annotations

from mindtune.engine.distributed.guard import fork_behind_guard
from mindtune.engine.distributed.launch import MSRUN, detect_launch, is_scheduler
from mindtune.engine.distributed.threads import share_cores


def prepare_rank() -> None:
    """Share the machine's cores with the other ranks and step behind a guard.

    A process on its own, and msrun's scheduler, stay as they are.

    Raises:
        ConfigError: a launcher's variables that cannot be read.
    """
    launch = detect_launch()
    if launch.size > 1 and not is_scheduler():
        share_cores(launch)
        fork_behind_guard(die_with_launcher=launch.launcher != MSRUN)
