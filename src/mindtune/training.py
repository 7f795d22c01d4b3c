"""Train one run from its configuration."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from mindtune import assemble, rank_checks, run_folder
from mindtune.adapter import read_weights
from mindtune.classifier import Classifier
from mindtune.config import RunConfig
from mindtune.config_checks import check_config
from mindtune.data.run_splits import RunSplits
from mindtune.data.source import ImageSource
from mindtune.engine.bystander import UnwrittenCheckpoints
from mindtune.engine.checkpoint import BEST, Checkpoints
from mindtune.engine.distributed.world import World, init
from mindtune.engine.ema import Ema
from mindtune.engine.log import check_tensorboard, console_of
from mindtune.engine.loop import Loop
from mindtune.engine.optim import create_optimizer
from mindtune.engine.precision import check_precision, create_loss_scaler, to_precision
from mindtune.engine.schedules import learning_rates
from mindtune.engine.step import TrainStep
from mindtune.environment import versions
from mindtune.errors import ConfigError
from mindtune.evaluation.classification import evaluate_classification
from mindtune.files import write_atomically
from mindtune.layers.batch_norm import moving_statistics
from mindtune.layers.random import seed_random_layers
from mindtune.objectives.supervised import SupervisedObjective
from mindtune.parameters import weights_of
from mindtune.pretrained import load_for_evaluation, load_for_training, read_pretrained
from mindtune.resume import enter_run
from mindtune.tuning.table import count_parameters, parameter_table


@dataclass(frozen=True)
class _Sources:
    """Images of a run, all opened before anything trains."""

    splits: RunSplits
    train: ImageSource
    selection: ImageSource
    final: ImageSource


@dataclass(frozen=True)
class _Run:
    """What the parts of a run are made from.

    Attributes:
        state: training state to continue from; None for a fresh run, and on ranks beside rank 0.
        resumed_preprocessing: how the resumed run prepares images; None for a fresh run.
    """

    config: RunConfig
    folder: Path
    world: World
    console: Console
    state: Path | None
    resumed_preprocessing: dict[str, Any] | None


def train(
    config: RunConfig, folder: Path, console: Console | None = None, command: str = ""
) -> dict[str, Any]:
    """Run ``config`` in ``folder``; returns what ``result.json`` holds.

    ``command`` is how the run was started, kept in ``result.json`` for whoever wants to repeat it.

    Raises:
        UserError: anything wrong with the configuration, data, weights or folder, before the first
            update where it can be known by then.
    """
    check_config(config)
    check_precision(config.precision, config.device_target)
    check_tensorboard(config.tensorboard)
    run = _open_run(config, folder, console)
    sources = _open_sources(run)
    network = _build_network(run, len(sources.train.class_names))
    rank_checks.check_same_data(
        run.world,
        {"train": sources.train, "selection": sources.selection, "final": sources.final},
        network.backbone.preprocessing,
    )
    counts = count_parameters(network.parameter_groups())
    run.console.print(parameter_table(counts))
    loop = _build_loop(run, network, sources)
    position = loop.run()

    result = {
        "command": command,
        "ranks": run.world.size,
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
        **_final_evaluation(run, network, sources),
    }
    if run.world.is_main:
        write_atomically(folder / run_folder.RESULT, json.dumps(result, indent=2).encode())
    return result


def _open_run(config: RunConfig, folder: Path, console: Console | None) -> _Run:
    """Join the other ranks; rank 0 looks into the run folder for all of them."""
    world = init(config.device_target, config.seed, config.distributed.timeout)
    rank_checks.check_same_config(world, config)
    console = console or console_of(world.rank, world.size)
    state = run_folder.state_to_resume(folder, config) if world.is_main else None
    stored = None if state is None else run_folder.stored_preprocessing(state)
    return _Run(config, folder, world, console, state, world.from_main(stored))


def _open_sources(run: _Run) -> _Sources:
    splits = assemble.build_splits(run.config, run.console.print)
    train_source, selection = splits.train_and_selection(run.config.evaluation.selection)
    return _Sources(splits, train_source, selection, splits.evaluation(splits.final_split))


def _build_network(run: _Run, num_classes: int) -> Classifier:
    """The network, with pre-trained weights unless a resumed state is about to fill it."""
    config = run.config
    if run.resumed_preprocessing is not None:
        return assemble.build_classifier(config, num_classes, run.resumed_preprocessing)
    if config.pretrained is None and config.adapter is None:
        return assemble.build_classifier(config, num_classes)
    pretrained = read_weights(config)
    network = assemble.build_classifier(config, num_classes, pretrained.preprocessing)
    report = load_for_training(network, pretrained, config.head.reset, config.position_resize)
    run.console.print(report.summary(), highlight=False)
    return network


def _build_loop(run: _Run, network: Classifier, sources: _Sources) -> Loop:
    config, world = run.config, run.world
    preprocessing = network.backbone.preprocessing
    run.console.print(f"images: {preprocessing}", highlight=False)
    place = (world.rank, world.size)
    loader = assemble.build_train_loader(config, sources.train, preprocessing, *place)
    updates = _updates_per_epoch(config, loader.num_batches)
    selection = assemble.build_eval_loader(config, sources.selection, preprocessing, *place)
    step = _build_step(run, network)
    images_per_step = config.batch_size * config.accumulate * world.size
    rates = _learning_rates(run, updates, images_per_step)
    checkpoints = _build_checkpoints(run, network, step, sources.train)
    position, log = enter_run(config, run.folder, run.state, checkpoints, world, run.console)
    return Loop(
        step=step,
        loader=loader,
        rates=rates,
        epochs=config.epochs + config.schedule.cooldown_epochs,
        steps_per_epoch=updates,
        images_per_epoch=updates * images_per_step if config.max_steps else len(sources.train),
        images_per_step=images_per_step,
        check=lambda updates: world.check_same_parameters(checkpoints.parameters(), updates),
        evaluate=lambda: evaluate_classification(
            network,
            world.stop.interrupting(selection),
            len(sources.train.class_names),
            sum_over_ranks=world.sum,
        ).metrics(),
        evaluate_every=config.evaluation.every,
        checkpoints=checkpoints,
        log=log,
        stop=world.stop,
        checkpoint_every=config.checkpoint_every,
        log_every=config.log_every,
        position=position,
    )


def _learning_rates(run: _Run, updates: int, images_per_step: int) -> np.ndarray:
    """Rates of all updates, scaled by the global batch where the recipe asks for it."""
    config = run.config
    optim, schedule = config.optim, vars(config.schedule)
    factor = images_per_step / (optim.lr_base_size or images_per_step)
    scaled = {name: factor * schedule[name] for name in ("warmup_lr", "min_lr")}
    scaling = f" (scaled by {factor:g})" if optim.lr_base_size else ""
    run.console.print(
        f"{run.world.size} rank(s) x batch {config.batch_size} x accumulate {config.accumulate}: "
        f"{images_per_step} images an update, peak learning rate {factor * optim.lr:g}{scaling}",
        highlight=False,
    )
    return learning_rates(
        lr=factor * optim.lr,
        epochs=config.epochs,
        steps_per_epoch=updates,
        **{**schedule, **scaled},
    )


def _updates_per_epoch(config: RunConfig, num_batches: int) -> int:
    updates = num_batches // config.accumulate
    if updates < 1:
        raise ConfigError(
            f"accumulate: got {config.accumulate} batches an update, expected at most the "
            f"{num_batches} batches of an epoch; lower --accumulate or --batch_size"
        )
    return min(updates, config.max_steps or updates)


def _build_step(run: _Run, network: Classifier) -> TrainStep:
    config, optim = run.config, run.config.optim
    trained = [p for p in weights_of(network) if p.requires_grad]
    moving = moving_statistics(network.backbone)
    to_precision(network, config.precision)
    seed_random_layers(network, config.seed, run.world.rank * config.batch_size)
    return TrainStep(
        SupervisedObjective(network),
        trained,
        create_optimizer(
            optim.name, trained, optim.weight_decay, optim.betas, optim.eps, optim.momentum
        ),
        clip_norm=optim.clip_norm,
        ema=None if config.ema_decay is None else Ema([*trained, *moving], config.ema_decay),
        loss_scaler=create_loss_scaler(config.precision),
        accumulate=config.accumulate,
        world=run.world,
        message_mb=config.distributed.message_mb,
    )


def _build_checkpoints(
    run: _Run, network: Classifier, step: TrainStep, source: ImageSource
) -> Checkpoints:
    info = {
        "config": run_folder.plain(run.config),
        "preprocessing": network.backbone.preprocessing.as_dict(),
        "class_names": list(source.class_names),
        "train_images": len(source),
        "ranks": run.world.size,
        "versions": versions(),
    }
    kind = Checkpoints if run.world.is_main else UnwrittenCheckpoints
    return kind(run.folder / run_folder.CHECKPOINTS, weights_of(network), step.state(), info)


def _final_evaluation(run: _Run, network: Classifier, sources: _Sources) -> dict[str, Any]:
    """Numbers of the best checkpoint on the split that the run reports."""
    world = run.world
    if world.is_main:
        best = run.folder / run_folder.CHECKPOINTS / BEST
        load_for_evaluation(network, read_pretrained(str(best)))
    world.broadcast(weights_of(network))
    split, source = sources.splits.final_split, sources.final
    preprocessing = network.backbone.preprocessing
    loader = assemble.build_eval_loader(run.config, source, preprocessing, world.rank, world.size)
    metrics = evaluate_classification(
        network, loader, len(source.class_names), sum_over_ranks=world.sum
    ).metrics()
    run.console.print(
        f"best epoch on {split}: top-1 {metrics['top1']:.2f} %, top-5 {metrics['top5']:.2f} %",
        highlight=False,
    )
    return {"split": split, "metrics": metrics}
