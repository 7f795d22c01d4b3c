"""What ranks beside rank 0 have in place of files: they keep pace and write nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mindtune.engine.checkpoint import Checkpoints, Position
from mindtune.engine.log import RunLog


class UnwrittenLog(RunLog):
    """Takes records and forgets them."""

    def forget_after(self, step: int, round_is_closed: bool) -> None:
        return

    def write(self, record: Mapping[str, Any]) -> None:
        return


class UnwrittenCheckpoints(Checkpoints):
    """Leaves saving to rank 0, which holds the same values."""

    def save_last(self, position: Position) -> None:
        return

    def save_best(self, position: Position) -> None:
        return
