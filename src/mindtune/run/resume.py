"""Where a run starts: fresh, or from a training state that rank 0 reads for all ranks."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from mindtune.config import RunConfig
from mindtune.engine.bystander import UnwrittenLog
from mindtune.engine.checkpoint import Checkpoints, Position, read_state_header
from mindtune.engine.distributed.world import World
from mindtune.engine.log import RunLog
from mindtune.run import run_folder


def enter_run(
    config: RunConfig,
    folder: Path,
    state: Path | None,
    checkpoints: Checkpoints,
    world: World,
    console: Console,
) -> tuple[Position, RunLog]:
    """Fill every parameter and open the log; last of all, since nothing is written before.

    Args:
        config: of the run.
        folder: of the run.
        state: what rank 0 continues from; None for a fresh run, and on other ranks.
        checkpoints: hold the parameters, which all ranks get from rank 0.
        world: all ranks.
        console: where to say how it starts.

    Raises:
        CheckpointError: the state is another network's, or the folder cannot be written.
    """
    position = Position()
    if state is not None:
        position = checkpoints.restore(state)
    position = Position(**world.from_main(asdict(position)))
    world.broadcast(checkpoints.parameters())
    if not world.is_main:
        return position, UnwrittenLog(folder, console)
    run_folder.enter(folder, config, state)
    log = RunLog(folder, console, config.tensorboard)
    log.forget_after(position.step, position.round_is_closed)
    if state is not None:
        console.print(f"resumed {state} after {position.step} updates", highlight=False)
        ranks_before = read_state_header(state).get("ranks", 1)
        if ranks_before != world.size:
            _say_other_ranks(ranks_before, world.size, position, log)
    return position, log


def _say_other_ranks(before: int, now: int, position: Position, log: RunLog) -> None:
    """Other ranks than before are worth a record in the log."""
    log.console.print(
        f"now on {now} rank(s), before on {before}: epoch {position.epoch + 1} goes on with its "
        f"image {position.images_in_epoch + 1}",
        highlight=False,
    )
    log.write(
        {
            "kind": "resume",
            "step": position.step,
            "ranks": now,
            "ranks_before": before,
            "images_in_epoch": position.images_in_epoch,
        }
    )
