"""Train one run from its configuration: the shell around a method."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from mindtune.config import RANDOM_WEIGHTS, RunConfig
from mindtune.config.checks import check_config
from mindtune.engine.bystander import UnwrittenCheckpoints
from mindtune.engine.checkpoint import BEST, Checkpoints, Position
from mindtune.engine.distributed.world import init
from mindtune.engine.ema import Ema
from mindtune.engine.layer_decay import RateGroups, layer_decay, one_rate
from mindtune.engine.log import check_tensorboard, console_of
from mindtune.engine.loop import Loop
from mindtune.engine.precision import check_precision, create_loss_scaler, to_precision
from mindtune.engine.recompute import recompute_blocks
from mindtune.engine.scheduled import StepParts
from mindtune.engine.step import TrainStep
from mindtune.environment import peak_memory_mb, versions
from mindtune.files import write_atomically
from mindtune.layers.moving import moving_statistics
from mindtune.layers.random import seed_random_layers
from mindtune.methods.method import (
    AddsStepParts,
    Method,
    NamesFrozenNetworks,
    RunContext,
    WritesFiles,
)
from mindtune.methods.table import method_builder
from mindtune.parameters import weights_of
from mindtune.report.page import offer_report
from mindtune.run import rank_checks, run_folder
from mindtune.run.optimizing import build_optimizer
from mindtune.run.resume import enter_run
from mindtune.run.run_plan import build_plan, scheduled_rates
from mindtune.tuning.table import count_parameters, parameter_table


def train(
    config: RunConfig, folder: Path | str, console: Console | None = None, command: str = ""
) -> dict[str, Any]:
    """Run ``config`` in ``folder``; returns what ``result.json`` holds.

    ``command`` is how the run was started, kept in ``result.json`` for whoever wants to repeat it.

    Raises:
        UserError: anything wrong with the configuration, data, weights or folder, before the first
            update where it can be known by then.
    """
    folder = Path(folder)
    build_method = method_builder(config.method)
    config = _without_random(config)
    check_config(config)
    check_precision(config.precision, config.device_target)
    check_tensorboard(config.tensorboard)
    run = _open_run(config, folder, console)
    method = build_method(run)
    rank_checks.check_same_data(run.world, method.sources, method.preprocessing)
    counts = count_parameters(method.parameter_groups())
    run.console.print(parameter_table(counts))
    loop = _build_loop(run, method)
    position = loop.run()

    result = {
        "command": command,
        "ranks": run.world.size,
        "selection": _selected(config, method, position),
        "parameters": {
            "trainable": counts[-1].trainable,
            "total": counts[-1].total,
            "groups": [vars(count) for count in counts[:-1]],
        },
        "updates": position.step,
        "seconds": round(position.seconds, 1),
        "versions": versions(),
        "config": run_folder.plain(config),
        **method.final_evaluation(folder / run_folder.CHECKPOINTS / BEST),
        "peak_memory_mb": peak_memory_mb(),
    }
    if run.world.is_main:
        write_atomically(folder / run_folder.RESULT, json.dumps(result, indent=2).encode())
        offer_report(folder, run.say)
    return result


def _without_random(config: RunConfig) -> RunConfig:
    """``pretrained`` random as what it means: nothing. Method amu wants it said."""
    if config.pretrained != RANDOM_WEIGHTS or config.method == "amu":
        return config
    return replace(config, pretrained=None)


def _selected(config: RunConfig, method: Method, position: Position) -> dict[str, Any]:
    """What chose the best checkpoint, and how good it was by that."""
    metric = method.selection.metric
    return {
        "split": config.evaluation.selection,
        "metric": metric,
        metric: position.best,
        "epoch": position.best_epoch,
        "step": position.best_step,
    }


def _open_run(config: RunConfig, folder: Path, console: Console | None) -> RunContext:
    """Join the other ranks; rank 0 looks into the run folder for all of them."""
    world = init(config.device_target, config.seed, config.distributed.timeout)
    rank_checks.check_same_config(world, config)
    console = console or console_of(world.rank, world.size)
    state = run_folder.state_to_resume(folder, config) if world.is_main else None
    stored = None if state is None else run_folder.stored_preprocessing(state)
    return RunContext(config, folder, world, console, state, world.from_main(stored))


def _build_loop(run: RunContext, method: Method) -> Loop:
    config, world = run.config, run.world
    run.say(f"images: {method.preprocessing}")
    loader = method.train_loader()
    groups = _rate_groups(config, method)
    images_per_step = config.batch_size * config.accumulate * world.size
    images = len(method.sources["train"])
    plan = build_plan(config, loader.num_batches, images, images_per_step)
    factor = _rate_factor(run, images_per_step)
    rates = groups.rates(
        lambda scale: scheduled_rates(config, plan, factor, scale),
        absolute_floor=config.optim.layer_decay_floor == "authors",
    )
    updates_per_epoch = plan.images_per_epoch // images_per_step
    step = _build_step(run, method, groups, len(rates), updates_per_epoch)
    checkpoints = _build_checkpoints(run, method, step)
    position, log = enter_run(config, run.folder, run.state, checkpoints, world, run.console)
    if isinstance(method, WritesFiles) and world.is_main:
        method.write_files(run.folder)
    return Loop(
        step=step,
        loader=loader,
        rates=rates,
        plan=plan,
        check=lambda updates: world.check_same_parameters(checkpoints.parameters(), updates),
        evaluate=method.evaluate,
        selection=method.selection,
        checkpoints=checkpoints,
        log=log,
        stop=world.stop,
        checkpoint_every=config.checkpoint_every,
        log_every=config.log_every,
        position=position,
    )


def _rate_groups(config: RunConfig, method: Method) -> RateGroups:
    decay, groups = config.optim.layer_decay, method.parameter_groups()
    return one_rate(groups) if decay is None else layer_decay(groups, decay)


def _rate_factor(run: RunContext, images_per_step: int) -> float:
    """What learning rates are multiplied by: the global batch where the recipe asks for it."""
    config, optim = run.config, run.config.optim
    factor = images_per_step / (optim.lr_base_size or images_per_step)
    scaling = f" (scaled by {factor:g})" if optim.lr_base_size else ""
    run.say(
        f"{run.world.size} rank(s) x batch {config.batch_size} x accumulate {config.accumulate}: "
        f"{images_per_step} images an update, peak learning rate {factor * optim.lr:g}{scaling}"
    )
    return factor


def _build_step(
    run: RunContext, method: Method, groups: RateGroups, updates: int, updates_per_epoch: int
) -> TrainStep:
    config, network = run.config, method.network
    trained = [p for p in weights_of(network) if p.requires_grad]
    moving = moving_statistics(network)
    parts = StepParts()
    if isinstance(method, AddsStepParts):
        parts = method.step_parts(updates, updates_per_epoch)
    optimizer, scheduled = build_optimizer(
        config.optim, trained, groups.numbers(trained), parts, updates
    )
    to_precision(network, config.precision)
    if config.recompute:
        recompute_blocks(network.backbone)
    seed_random_layers(network, config.seed, run.world.rank * config.batch_size)
    return TrainStep(
        method.objective,
        trained,
        optimizer,
        clip_norm=config.optim.clip_norm,
        clip_each=config.optim.clip_each,
        parts=replace(parts, scheduled=(*parts.scheduled, *scheduled)),
        ema=None if config.ema_decay is None else Ema([*trained, *moving], config.ema_decay),
        loss_scaler=create_loss_scaler(config.precision),
        accumulate=config.accumulate,
        world=run.world,
        message_mb=config.distributed.message_mb,
    )


def _build_checkpoints(run: RunContext, method: Method, step: TrainStep) -> Checkpoints:
    source = method.sources["train"]
    info = {
        "config": run_folder.plain(run.config),
        "preprocessing": method.preprocessing.as_dict(),
        "class_names": list(source.class_names),
        "train_images": len(source),
        "ranks": run.world.size,
        "versions": versions(),
    }
    if isinstance(method, NamesFrozenNetworks):
        info["frozen_networks"] = method.frozen_networks()
    kind = Checkpoints if run.world.is_main else UnwrittenCheckpoints
    return kind(run.folder / run_folder.CHECKPOINTS, weights_of(method.network), step.state(), info)
