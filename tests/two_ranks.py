"""Started by distributed/test_equality.py as one of two ranks: saves what each test looks at.

Usage: mpirun -n 2 python two_ranks.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from mindtune.engine.distributed.prepare import prepare_rank

if __name__ == "__main__":
    prepare_rank()

from mindspore import Tensor, amp

from mindtune.assemble import build_classifier
from mindtune.config import RunConfig
from mindtune.data.datasets import create_dataset
from mindtune.data.erasing import RandomErasing
from mindtune.data.loader import EvalLoader, TrainLoader
from mindtune.data.mixing import Mixing
from mindtune.data.transforms import EvalTransform, TrainTransform
from mindtune.engine.distributed.lifeline import leave_run
from mindtune.engine.distributed.world import World, init
from mindtune.engine.ema import Ema
from mindtune.engine.optim import AdamW
from mindtune.engine.step import TrainStep
from mindtune.errors import UserError
from mindtune.evaluation.classification import evaluate_classification
from mindtune.layers.random import seed_random_layers
from mindtune.objectives.supervised import SupervisedObjective
from mindtune.parameters import weights_of
from mindtune.preprocessing import Preprocessing

SEED, STEPS, GLOBAL_BATCH = 3, 20, 16
SIZE = Preprocessing(32)
METHODS = {  # tuning modes, head, batches an update
    "MP+": (["psrp"], "moment", 1),
    "full, accumulated": (["full"], "linear", 2),
}
Arrays = dict[str, np.ndarray]


def config_of(method: str) -> tuple[RunConfig, int]:
    modes, head, accumulate = METHODS[method]
    config = RunConfig()
    config.backbone.name, config.backbone.drop_path = "vit_test", 0.3
    config.tuning.modes, config.head.name = modes, head
    config.head.moment.width, config.head.moment.num_heads = 32, 2
    return config, accumulate


def train(method: str, world: World) -> Arrays:
    """All parameters, averages and losses after 20 updates from the same initial values."""
    config, accumulate = config_of(method)
    source = create_dataset("digits", None, "train")
    batch = GLOBAL_BATCH // world.size
    net = build_classifier(config, 10)
    rng = np.random.default_rng(world.rank)  # ranks begin apart: rank 0's values must win
    for parameter in weights_of(net):
        value = 0.05 * rng.standard_normal(parameter.shape) + (parameter.name.endswith("weight"))
        if parameter.ndim > 1:
            value = 0.05 * rng.standard_normal(parameter.shape)
        parameter.set_data(Tensor(value.astype(np.float32)))
    world.broadcast(weights_of(net))
    trained = [p for p in weights_of(net) if p.requires_grad]
    seed_random_layers(net, SEED, world.rank * batch)
    ema = Ema(trained, 0.9)
    step = TrainStep(
        SupervisedObjective(net), trained, AdamW(trained, 0.05, eps=1e-6), clip_norm=1.0, ema=ema,
        accumulate=accumulate, world=world, message_mb=0.01,
    )  # fmt: skip
    loader = TrainLoader(
        source, TrainTransform(SIZE), Mixing(10, mixup_alpha=0.0, cutmix_alpha=0.0),
        RandomErasing(0.0), SIZE, batch, SEED, workers=1, rank=world.rank, world_size=world.size,
    )  # fmt: skip
    batches = loader.epoch(0)
    losses = []
    for number in range(STEPS):
        group = [tuple(Tensor(c) for c in next(batches)) for _ in range(accumulate)]
        output = step(1e-3, number, group)
        losses.append([output.loss(), float(output.grad_norm.asnumpy())])
    world.check_same_parameters([*weights_of(net), *step.state()], STEPS)
    values = {p.name: p.asnumpy() for p in [*weights_of(net), *step.state()]}
    return {f"{method}/{k}": v for k, v in {**values, "losses": np.array(losses)}.items()}


def evaluate(world: World) -> Arrays:
    """Counts over an odd number of images, which no batch divides."""
    net = build_classifier(config_of("MP+")[0], 10)
    world.broadcast(weights_of(net))
    test = create_dataset("digits", None, "test")
    loader = EvalLoader(test, EvalTransform(SIZE), SIZE, 50, 1, world.rank, world.size)
    result = evaluate_classification(net, loader, 10, sum_over_ranks=world.sum)
    return {"images": np.array(result.images), "per_class": result.per_class_images}


def overflow(world: World) -> Arrays:
    """One rank's batch overflows: all skip the update."""
    net = build_classifier(config_of("full, accumulated")[0], 10)
    world.broadcast(weights_of(net))
    parameters = weights_of(net)
    scaler = amp.DynamicLossScaler(2.0**8, 2, 100)
    step = TrainStep(
        SupervisedObjective(net), parameters, AdamW(parameters, 0.1), loss_scaler=scaler,
        world=world,
    )  # fmt: skip
    before = [p.asnumpy().copy() for p in parameters]
    broken = np.inf if world.rank == 1 else 1.0
    images = Tensor(np.full((4, 3, 32, 32), broken, np.float32))
    step(0.1, 0, [(images, Tensor(np.full((4, 10), 0.1, np.float32)))])
    moved = sum(not np.array_equal(a, p.asnumpy()) for a, p in zip(before, parameters))
    return {"moved": np.array(moved), "scale": scaler.scale_value.asnumpy()}


def drift(world: World) -> Arrays:
    """One rank's parameter differs in one bit."""
    net = build_classifier(config_of("MP+")[0], 10)
    parameters = weights_of(net)
    world.broadcast(parameters)
    if world.rank == 1:
        value = parameters[3].asnumpy().copy()
        value.view(np.int32).reshape(-1)[0] ^= 1
        parameters[3].set_data(Tensor(value))
    try:
        world.check_same_parameters(parameters, 7)
    except UserError as error:
        return {"drift": np.array(str(error)), "drifted": np.array(parameters[3].name)}
    return {"drift": np.array("unnoticed")}


def exchange(world: World) -> Arrays:
    """Host values of any type and of lengths that differ come through bit for bit."""
    world.barrier()
    sums = world.sum(np.array([[1e-300, 2.0**53 + 2], [np.pi, world.rank]]))
    told = world.from_main({"rank": world.rank, "text": "x" * 7})
    return {"sums": sums, "told": np.array([told["rank"], len(told["text"])])}


def main(folder: Path) -> None:
    world = init("CPU", SEED, 60)
    found: Arrays = {}
    for method in METHODS:
        found.update(train(method, world))
    for job in (evaluate, overflow, drift, exchange):
        found.update(job(world))
    np.savez(folder / f"rank{world.rank}.npz", **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    leave_run()
