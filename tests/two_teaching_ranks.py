"""Started by distributed/test_self_distillation.py as one of two ranks: saves what it learnt.

Usage: mpirun -n 2 python two_teaching_ranks.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from mindtune.engine.distributed.prepare import prepare_rank

if __name__ == "__main__":
    prepare_rank()

from mindspore import Tensor

from mindtune.config import RunConfig
from mindtune.data.class_pairs import Pairing
from mindtune.data.datasets import create_dataset
from mindtune.data.masks import MaskSampler
from mindtune.data.view_loader import ViewLoader
from mindtune.data.views import Views
from mindtune.engine.distributed.gather import GatherCrops
from mindtune.engine.distributed.lifeline import leave_run
from mindtune.engine.distributed.world import World, init
from mindtune.engine.follower import Follower
from mindtune.engine.optim import SGD
from mindtune.engine.scheduled import StepParts
from mindtune.engine.step import TrainStep
from mindtune.objectives.smkd import SmkdObjective
from mindtune.parameters import weights_of
from mindtune.preprocessing import Preprocessing
from mindtune.self_distilled_pair import build_pair

SEED, STEPS, GLOBAL_BATCH = 3, 4, 16


def config() -> RunConfig:
    run = RunConfig(method="smkd")
    run.backbone.name, run.tuning.modes = "vit_test", ["full"]
    options = run.self_distillation
    options.views.local_size = 16
    options.projection.out_dim, options.projection.hidden_dim = 24, 32
    options.projection.bottleneck_dim = 8
    return run


def teach(world: World) -> dict[str, np.ndarray]:
    """Both networks, centres and losses after some updates that compare images of all ranks."""
    batch = GLOBAL_BATCH // world.size
    pair = build_pair(config())
    rng = np.random.default_rng(world.rank)  # ranks begin apart: rank 0's values must win
    for parameter in weights_of(pair):
        value = 0.1 * rng.standard_normal(parameter.shape) + parameter.name.endswith("weight_g")
        parameter.set_data(Tensor(value.astype(np.float32)))
    world.broadcast(weights_of(pair))
    objective = SmkdObjective(
        pair,
        mim_weight=1.0,
        gather=GatherCrops() if world.size > 1 else None,
        first=batch * world.rank,
    )
    for temperature in (objective.temp, objective.patch_temp):
        temperature.set_data(Tensor(np.float32(0.07)))
    trained = [p for p in weights_of(pair) if p.requires_grad]
    follower = Follower(pair.pairs())
    follower.share.set_data(Tensor(np.float32(0.1)))
    parts = StepParts(follower=follower, state=objective.state())
    step = TrainStep(objective, trained, SGD(trained, 0.0), clip_each=0.1, parts=parts, world=world)
    loader = ViewLoader(
        create_dataset("digits", None, "train"), Views(32, local_size=16, local_crops=2),
        MaskSampler((4, 4)), Preprocessing(32), batch, SEED, Pairing(10, across_ranks=True),
        workers=1, rank=world.rank, world_size=world.size,
    ).for_epochs(1)  # fmt: skip
    batches = loader.epoch(0)
    losses = []
    for number in range(STEPS):
        columns = tuple(Tensor(column) for column in next(batches))
        losses.append(step(np.array([0.05]), number, [columns]).loss())
    values = [*weights_of(pair), *step.state()]
    world.check_same_parameters(values, STEPS)
    return {**{p.name: p.asnumpy() for p in values}, "losses": np.array(losses)}


def main(folder: Path) -> None:
    world = init("CPU", SEED, 60)
    np.savez(folder / f"rank{world.rank}.npz", **teach(world))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    leave_run()
