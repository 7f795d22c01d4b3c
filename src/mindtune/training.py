"""Train one run from its configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from mindtune import assemble, run_folder
from mindtune.classifier import Classifier
from mindtune.config import RunConfig, check_ranges
from mindtune.data.data_splits import DataSplits
from mindtune.data.source import ImageSource
from mindtune.engine.checkpoint import BEST, Checkpoints, Position
from mindtune.engine.device import use_device
from mindtune.engine.ema import Ema
from mindtune.engine.log import RunLog
from mindtune.engine.loop import Loop
from mindtune.engine.optim import create_optimizer
from mindtune.engine.precision import check_precision, create_loss_scaler, to_precision
from mindtune.engine.schedules import learning_rates
from mindtune.engine.step import TrainStep
from mindtune.environment import versions
from mindtune.errors import ConfigError
from mindtune.evaluation.classification import evaluate_classification
from mindtune.files import write_atomically
from mindtune.objectives.supervised import SupervisedObjective
from mindtune.parameters import weights_of
from mindtune.pretrained import load_for_evaluation, load_for_training
from mindtune.tuning.table import count_parameters, parameter_table


def train(
    config: RunConfig, folder: Path, console: Console | None = None, command: str = ""
) -> dict[str, Any]:
    """Run ``config`` in ``folder``; returns what ``result.json`` holds.

    ``command`` is how the run was started, kept in ``result.json`` for whoever wants to repeat it.

    Raises:
        UserError: anything wrong with the configuration, data, weights or folder, before the first
            update where it can be known by then.
    """
    console = console or Console(soft_wrap=True)
    check_ranges(config)
    check_precision(config.precision, config.device_target)
    use_device(config.device_target, config.seed)
    splits = assemble.build_splits(config, console.print)
    train_source, selection_source = splits.train_and_selection(config.evaluation.selection)
    network = assemble.build_classifier(config, len(train_source.class_names))
    if config.pretrained is not None:
        console.print(load_for_training(network, config), highlight=False)
    counts = count_parameters(network.parameter_groups())
    console.print(parameter_table(counts))

    loop = _build_loop(config, folder, network, train_source, selection_source, console)
    position = loop.run()

    result = {
        "command": command,
        "selection": {
            "split": config.evaluation.selection,
            "top1": position.best,
            "epoch": position.best_epoch,
        },
        "parameters": {"trainable": counts[-1].trainable, "total": counts[-1].total},
        "updates": position.step,
        "seconds": round(position.seconds, 1),
        "versions": versions(),
        "config": run_folder.plain(config),
    }
    result.update(_final_evaluation(config, network, folder, splits, console))
    write_atomically(folder / run_folder.RESULT, json.dumps(result, indent=2).encode())
    return result


def _build_loop(
    config: RunConfig,
    folder: Path,
    network: Classifier,
    train_source: ImageSource,
    selection_source: ImageSource,
    console: Console,
) -> Loop:
    preprocessing = network.backbone.preprocessing
    loader = assemble.build_train_loader(config, train_source, preprocessing)
    steps = _updates_per_epoch(config, loader.num_batches)
    selection = assemble.build_eval_loader(config, selection_source, preprocessing)
    step = _build_step(config, network)
    rates = learning_rates(
        lr=config.optim.lr, epochs=config.epochs, steps_per_epoch=steps, **vars(config.schedule)
    )
    checkpoints = _build_checkpoints(config, folder, network, step, train_source.class_names)
    position, log = _enter_folder(config, folder, checkpoints, console)
    return Loop(
        step=step,
        loader=loader,
        rates=rates,
        epochs=config.epochs + config.schedule.cooldown_epochs,
        steps_per_epoch=steps,
        evaluate=lambda: evaluate_classification(
            network, selection, len(train_source.class_names)
        ).metrics(),
        evaluate_every=config.evaluation.every,
        checkpoints=checkpoints,
        log=log,
        images_per_step=config.batch_size * config.accumulate,
        checkpoint_every=config.checkpoint_every,
        log_every=config.log_every,
        position=position,
    )


def _updates_per_epoch(config: RunConfig, num_batches: int) -> int:
    updates = num_batches // config.accumulate
    if updates < 1:
        raise ConfigError(
            f"accumulate: got {config.accumulate} batches an update, expected at most the "
            f"{num_batches} batches of an epoch; lower --accumulate or --batch_size"
        )
    return min(updates, config.max_steps or updates)


def _build_checkpoints(
    config: RunConfig,
    folder: Path,
    network: Classifier,
    step: TrainStep,
    class_names: tuple[str, ...],
) -> Checkpoints:
    info = {
        "config": run_folder.plain(config),
        "preprocessing": network.backbone.preprocessing.as_dict(),
        "class_names": list(class_names),
        "versions": versions(),
    }
    return Checkpoints(folder / run_folder.CHECKPOINTS, weights_of(network), step.state(), info)


def _enter_folder(
    config: RunConfig, folder: Path, checkpoints: Checkpoints, console: Console
) -> tuple[Position, RunLog]:
    """Where to start, and the log; last of all, since nothing is written before."""
    state = run_folder.state_to_resume(folder, config)
    position = Position()
    if state is not None:
        position = checkpoints.restore(state)
        console.print(f"resumed {state} after {position.step} updates", highlight=False)
    run_folder.enter(folder, config, state)
    log = RunLog(folder, console, config.tensorboard)
    log.forget_after(position.step)
    return position, log


def _build_step(config: RunConfig, network: Classifier) -> TrainStep:
    trained = [p for p in weights_of(network) if p.requires_grad]
    optim = config.optim
    to_precision(network, config.precision)
    return TrainStep(
        SupervisedObjective(network),
        trained,
        create_optimizer(
            optim.name, trained, optim.weight_decay, optim.betas, optim.eps, optim.momentum
        ),
        clip_norm=optim.clip_norm,
        ema=None if config.ema_decay is None else Ema(trained, config.ema_decay),
        loss_scaler=create_loss_scaler(config.precision),
        accumulate=config.accumulate,
    )


def _final_evaluation(
    config: RunConfig, network: Classifier, folder: Path, splits: DataSplits, console: Console
) -> dict[str, Any]:
    """Numbers of the best checkpoint on the split that the run reports."""
    best = folder / run_folder.CHECKPOINTS / BEST
    load_for_evaluation(network, best)
    split = splits.final_split
    source = splits.evaluation(split)
    loader = assemble.build_eval_loader(config, source, network.backbone.preprocessing)
    metrics = evaluate_classification(network, loader, len(source.class_names)).metrics()
    console.print(
        f"best epoch on {split}: top-1 {metrics['top1']:.2f} %, top-5 {metrics['top5']:.2f} %",
        highlight=False,
    )
    return {"split": split, "metrics": metrics}
