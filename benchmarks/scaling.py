"""One process with two threads against two ranks with one thread each, on two cores.

Measures training MP (frozen ViT, moment head) and extracting features, in turn, with the same
images an update; medians of several rounds. Then the time to average gradients of several sizes,
and what that gives for many ranks (docs/scaling.md). Last line: JSON of ratios, two ranks / one
process, and the share of a two-rank update spent in averaging.
Usage: python benchmarks/scaling.py [ROUNDS] [BACKBONE]
       python benchmarks/scaling.py --model SECONDS IMAGES    the table for an update of that length
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mindtune.engine.distributed.prepare import prepare_rank

GLOBAL_BATCH = 16
UPDATES = 8
CLASSES = 1000
MESSAGES_MB = (0.25, 1, 4, 16, 64)
GRADIENTS_MB = {"MP": 16.2, "MP+": 18.0, "full ViT-B": 346.3}  # of a ViT-B/16, 1000 classes
NETWORKS = {"10 Gbit/s Ethernet": (1.1e9, 30e-6), "200 Gbit/s InfiniBand": (22e9, 5e-6)}
RANKS = (8, 64, 512)


def measure(backbone: str) -> dict[str, float]:
    """Seconds an update, of averaging alone, of features, and of messages; on this rank."""
    import numpy as np
    from mindspore import Tensor

    from mindtune.assemble import build_classifier
    from mindtune.config import RunConfig
    from mindtune.engine.distributed.world import init
    from mindtune.engine.optim import AdamW
    from mindtune.engine.step import TrainStep
    from mindtune.objectives.supervised import SupervisedObjective
    from mindtune.parameters import weights_of

    world = init("CPU", 0, 60)
    config = RunConfig()
    config.backbone.name, config.head.name = backbone, "moment"
    net = build_classifier(config, CLASSES)
    trained = [p for p in weights_of(net) if p.requires_grad]
    step = TrainStep(SupervisedObjective(net), trained, AdamW(trained, 0.05), world=world)
    side, batch = net.backbone.preprocessing.input_size, GLOBAL_BATCH // world.size
    images = Tensor(np.random.default_rng(0).random((batch, 3, side, side), np.float32))
    targets = Tensor(np.full((batch, CLASSES), 1 / CLASSES, np.float32))

    def update() -> None:
        step(1e-4, 0, [(images, targets)]).loss()

    def features() -> None:
        net.backbone(images)[1].asnumpy()

    def averaging(shapes: list[tuple[int, ...]]) -> Callable[[], None]:
        mean = world.mean_of(shapes, 32.0)
        values = tuple(Tensor(np.ones(shape, np.float32)) for shape in shapes)
        return lambda: mean(values)[-1].asnumpy()

    found = {"update": seconds(update), "averaging": seconds(averaging([p.shape for p in trained]))}
    net.set_train(False)
    found["features"] = seconds(features)
    for size in MESSAGES_MB if world.size > 1 else ():
        found[f"message {size}"] = seconds(averaging([(int(size * 2**18),)]))
    found["gradients_mb"] = sum(p.size for p in trained) * 4 / 1e6
    return found if world.is_main else {}


def seconds(work: Callable[[], None]) -> float:
    """Median time of ``work``, after two calls that compile and warm up."""
    times = []
    for number in range(UPDATES + 2):
        started = time.perf_counter()
        work()
        if number >= 2:
            times.append(time.perf_counter() - started)
    return statistics.median(times)


def worker(backbone: str) -> None:
    """One rank: the first prints what it measured."""
    from mindtune.engine.distributed.lifeline import leave_run

    found = measure(backbone)
    if found:
        print(json.dumps(found), flush=True)
    leave_run()


def started(ranks: int, threads: int, backbone: str) -> dict[str, float]:
    """Measurements of a process, or of ranks that mpirun starts."""
    beside = str(Path(sys.executable).parent)
    mpirun = shutil.which("mpirun", path=f"{beside}:{os.environ['PATH']}") or "mpirun"
    launcher = [mpirun, "-n", str(ranks)] if ranks > 1 else []
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    done = subprocess.run(
        [*launcher, sys.executable, __file__, "--worker", backbone],
        env={**os.environ, **root, "GLOG_v": "4", "OMP_NUM_THREADS": str(threads)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("{"))
    return json.loads(line)


def cost_table(update: float, images: int) -> list[str]:
    """Share of averaging in an update, by method, network and ranks.

    A ring moves 2 (P - 1) / P of the gradients through every link in 2 (P - 1) messages.

    Args:
        update: seconds of a rank's own part of an update.
        images: a rank sees in it.
    """
    lines = []
    for method, megabytes in GRADIENTS_MB.items():
        for network, (bandwidth, latency) in NETWORKS.items():
            shares = []
            for ranks in RANKS:
                ring = 2 * (ranks - 1) / ranks * megabytes * 1e6 / bandwidth
                cost = ring + 2 * (ranks - 1) * latency
                speed = ranks * images / (update + cost)
                shares.append(f"{1e3 * cost:.0f} ms, {cost / (update + cost):.0%}, {speed:.0f}/s")
            lines.append(f"| {method} | {network} | " + " | ".join(shares) + " |")
    return lines


def main(rounds: int, backbone: str) -> None:
    one: list[dict[str, float]] = []
    two: list[dict[str, float]] = []
    for _ in range(rounds):
        one.append(started(1, 2, backbone))
        two.append(started(2, 1, backbone))

    def median(results: list[dict[str, float]], key: str) -> float:
        return statistics.median(result[key] for result in results)

    summary: dict[str, Any] = {
        f"{name}_2x1_vs_1x2": median(one, key) / median(two, key)
        for name, key in (("train", "update"), ("features", "features"))
    }
    summary["communication_share"] = median(two, "averaging") / median(two, "update")
    for key in two[0]:
        print(f"{key}: 1x2 {median(one, key) if key in one[0] else float('nan'):.4f}, "
              f"2x1 {median(two, key):.4f}")  # fmt: skip
    print(json.dumps({name: round(value, 3) for name, value in summary.items()}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        prepare_rank()
        worker(sys.argv[2])
    elif sys.argv[1:2] == ["--model"]:
        print("\n".join(cost_table(float(sys.argv[2]), int(sys.argv[3]))))
    else:
        words = [*sys.argv[1:], "", ""]
        main(int(words[0] or 3), words[1] or "vit_mini_patch4_32")
