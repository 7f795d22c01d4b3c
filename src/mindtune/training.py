"""Train one run from its configuration."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from mindtune import assemble, run_folder
from mindtune.classifier import Classifier
from mindtune.config import RunConfig
from mindtune.config_checks import check_config
from mindtune.data.run_splits import RunSplits
from mindtune.data.source import ImageSource
from mindtune.engine.checkpoint import BEST, Checkpoints, Position
from mindtune.engine.device import use_device
from mindtune.engine.ema import Ema
from mindtune.engine.log import RunLog, check_tensorboard
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
from mindtune.pretrained import load_for_evaluation, load_for_training, read_pretrained
from mindtune.tuning.table import count_parameters, parameter_table


@dataclass(frozen=True)
class _Sources:
    """Images of a run, all opened before anything trains."""

    splits: RunSplits
    train: ImageSource
    selection: ImageSource
    final: ImageSource


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
    check_config(config)
    check_precision(config.precision, config.device_target)
    check_tensorboard(config.tensorboard)
    use_device(config.device_target, config.seed)
    state = run_folder.state_to_resume(folder, config)
    sources = _open_sources(config, console)
    network = _build_network(config, len(sources.train.class_names), state, console)
    counts = count_parameters(network.parameter_groups())
    console.print(parameter_table(counts))
    loop = _build_loop(config, folder, network, sources, state, console)
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
        "skipped_images": sources.splits.skipped,
        "versions": versions(),
        "config": run_folder.plain(config),
        **_final_evaluation(config, network, folder, sources, console),
    }
    write_atomically(folder / run_folder.RESULT, json.dumps(result, indent=2).encode())
    return result


def _open_sources(config: RunConfig, console: Console) -> _Sources:
    splits = assemble.build_splits(config, console.print)
    train_source, selection = splits.train_and_selection(config.evaluation.selection)
    return _Sources(splits, train_source, selection, splits.evaluation(splits.final_split))


def _build_network(
    config: RunConfig, num_classes: int, state: Path | None, console: Console
) -> Classifier:
    """The network, with pre-trained weights unless ``state`` is about to fill it."""
    if state is not None:
        stored = run_folder.stored_preprocessing(state)
        return assemble.build_classifier(config, num_classes, stored)
    if config.pretrained is None:
        return assemble.build_classifier(config, num_classes)
    pretrained = read_pretrained(config.pretrained, config.pretrained_key)
    network = assemble.build_classifier(config, num_classes, pretrained.preprocessing)
    report = load_for_training(network, pretrained, config.head.reset, config.position_resize)
    console.print(report.summary(), highlight=False)
    return network


def _build_loop(
    config: RunConfig,
    folder: Path,
    network: Classifier,
    sources: _Sources,
    state: Path | None,
    console: Console,
) -> Loop:
    preprocessing = network.backbone.preprocessing
    console.print(f"images: {preprocessing}", highlight=False)
    loader = assemble.build_train_loader(config, sources.train, preprocessing)
    updates = _updates_per_epoch(config, loader.num_batches)
    selection = assemble.build_eval_loader(config, sources.selection, preprocessing)
    step = _build_step(config, network)
    rates = learning_rates(
        lr=config.optim.lr, epochs=config.epochs, steps_per_epoch=updates, **vars(config.schedule)
    )
    checkpoints = _build_checkpoints(config, folder, network, step, sources.train)
    position, log = _enter_folder(config, folder, checkpoints, state, console)
    return Loop(
        step=step,
        loader=loader,
        rates=rates,
        epochs=config.epochs + config.schedule.cooldown_epochs,
        steps_per_epoch=updates,
        evaluate=lambda: evaluate_classification(
            network, selection, len(sources.train.class_names)
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


def _build_checkpoints(
    config: RunConfig, folder: Path, network: Classifier, step: TrainStep, source: ImageSource
) -> Checkpoints:
    info = {
        "config": run_folder.plain(config),
        "preprocessing": network.backbone.preprocessing.as_dict(),
        "class_names": list(source.class_names),
        "train_images": len(source),
        "versions": versions(),
    }
    return Checkpoints(folder / run_folder.CHECKPOINTS, weights_of(network), step.state(), info)


def _enter_folder(
    config: RunConfig,
    folder: Path,
    checkpoints: Checkpoints,
    state: Path | None,
    console: Console,
) -> tuple[Position, RunLog]:
    """Where to start, and the log; last of all, since nothing is written before."""
    position = Position()
    if state is not None:
        position = checkpoints.restore(state)
        console.print(f"resumed {state} after {position.step} updates", highlight=False)
    run_folder.enter(folder, config, state)
    log = RunLog(folder, console, config.tensorboard)
    log.forget_after(position.step, position.epoch)
    return position, log


def _final_evaluation(
    config: RunConfig, network: Classifier, folder: Path, sources: _Sources, console: Console
) -> dict[str, Any]:
    """Numbers of the best checkpoint on the split that the run reports."""
    load_for_evaluation(network, read_pretrained(str(folder / run_folder.CHECKPOINTS / BEST)))
    split, source = sources.splits.final_split, sources.final
    loader = assemble.build_eval_loader(config, source, network.backbone.preprocessing)
    metrics = evaluate_classification(network, loader, len(source.class_names)).metrics()
    console.print(
        f"best epoch on {split}: top-1 {metrics['top1']:.2f} %, top-5 {metrics['top5']:.2f} %",
        highlight=False,
    )
    return {"split": split, "metrics": metrics}
