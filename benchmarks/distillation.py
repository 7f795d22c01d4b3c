"""What distillation costs: memory and time of --recompute, and of the teacher.

Each measurement is a process of its own, so that the peak of its resident memory is its own. The
teacher's share is the time of an update with it less that of an update against fixed tokens, over
the time of its inference alone; measured in turn, medians. Last line: JSON of ratios.
Usage: python benchmarks/distillation.py [STUDENT TEACHER BATCH UPDATES]
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

USUAL = ("fd_vit_base_patch16_224_student", "vit_base_patch16_224_dino", "8", "5")
_MEGABYTE = 1024  # ru_maxrss is in KiB


def measure(what: str, student_name: str, teacher_name: str, batch: int, updates: int) -> None:
    """One process: prints what it found as JSON."""
    import mindspore as ms
    import numpy as np
    from mindspore import Tensor, nn

    from mindtune.backbones import create_backbone
    from mindtune.engine.optim import AdamW
    from mindtune.engine.recompute import recompute_blocks
    from mindtune.engine.step import TrainStep
    from mindtune.objectives.feature_distillation import (
        FeatureDistances,
        FeatureDistillationObjective,
    )
    from mindtune.objectives.teacher import Teacher
    from mindtune.parameters import weights_of
    from mindtune.student import Student

    class Fixed(nn.Cell):
        """The same tokens for all images."""

        def __init__(self, tokens: np.ndarray) -> None:
            super().__init__()
            self.tokens = Tensor(tokens)

        def construct(self, images: Tensor) -> Tensor:
            return self.tokens

    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_device("CPU")
    teacher_backbone = create_backbone(teacher_name)
    width = teacher_backbone.num_features
    backbone = create_backbone(student_name)
    student = Student(backbone, width)
    if what == "recompute":
        recompute_blocks(backbone)
    side = backbone.preprocessing.input_size
    rng = np.random.default_rng(0)
    images = Tensor(rng.standard_normal((batch, 3, side, side)).astype(np.float32))
    teacher = Teacher(teacher_backbone, backbone.preprocessing)
    fixed = Fixed(np.zeros((batch, student(images).shape[1], width), np.float32))

    def update_with(followed: nn.Cell) -> Callable[[], float]:
        objective = FeatureDistillationObjective(FeatureDistances(student, followed, width))
        weights = weights_of(student)
        step = TrainStep(objective, weights, AdamW(weights, 0.05))
        return lambda: step(1e-4, 0, [(images,)]).loss()

    if what == "teacher":
        calls: dict[str, Callable[[], object]] = {
            "with": update_with(teacher),
            "without": update_with(fixed),
            "inference": lambda: teacher(images).asnumpy(),
        }
    else:
        calls = {"update": update_with(fixed)}
    found = seconds(calls, updates)
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MEGABYTE
    print(json.dumps(found))


def seconds(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median time of each call, made in turn after one that compiles."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(repeats + 1):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            if number > 0:
                times[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in times.items()}


def in_a_process(what: str, words: list[str]) -> dict[str, float]:
    """What ``measure`` found in a fresh process."""
    done = subprocess.run(
        [sys.executable, __file__, "--measure", what, *words],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    print(f"{what}: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()))
    return found


def main(words: list[str]) -> None:
    plain, again = in_a_process("plain", words), in_a_process("recompute", words)
    teacher = in_a_process("teacher", words)
    share = (teacher["with"] - teacher["without"]) / teacher["inference"]
    ratios = {
        "recompute_memory": again["peak_mb"] / plain["peak_mb"],
        "recompute_time": again["update"] / plain["update"],
        "teacher_forward_vs_inference": share,
    }
    print(json.dumps({name: round(value, 3) for name, value in ratios.items()}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(*sys.argv[2:5], *map(int, sys.argv[5:7]))  # type: ignore[call-arg]
    else:
        main(sys.argv[1:] or list(USUAL))
