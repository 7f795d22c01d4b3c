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

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from mindtune.backbones import create_backbone
from mindtune.engine.optim import AdamW
from mindtune.engine.recompute import recompute_blocks
from mindtune.engine.step import TrainStep
from mindtune.networks.student import Student
from mindtune.objectives.feature_distillation import FeatureDistances, FeatureDistillationObjective
from mindtune.objectives.teacher import Teacher
from mindtune.parameters import weights_of

USUAL = ("fd_vit_base_patch16_224_student", "vit_base_patch16_224_dino", "8", "5")
_KIB_IN_A_MIB = 1024  # the unit of ru_maxrss


class Fixed(nn.Cell):
    """A teacher that costs nothing: the same tokens for all images."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.tokens = Tensor(np.zeros(shape, np.float32))

    def construct(self, images: Tensor) -> Tensor:
        return self.tokens


def measure(what: str, student_name: str, teacher_name: str, batch: int, updates: int) -> None:
    """One process: prints what it found as JSON."""
    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_device("CPU")
    teacher_backbone, backbone = create_backbone(teacher_name), create_backbone(student_name)
    teacher = Teacher(teacher_backbone, backbone.preprocessing)
    student = Student(backbone, teacher_backbone.num_features)
    if what == "recompute":
        recompute_blocks(backbone)
    side = backbone.preprocessing.input_size
    rng = np.random.default_rng(0)
    images = Tensor(rng.standard_normal((batch, 3, side, side)).astype(np.float32))
    fixed = Fixed((batch, *student(images[:1]).shape[1:]))
    if what == "teacher":
        calls: dict[str, Callable[[], object]] = {
            "with": update_of(student, teacher, images),
            "without": update_of(student, fixed, images),
            "inference": lambda: teacher(images).asnumpy(),
        }
    else:
        calls = {"update": update_of(student, fixed, images)}
    found = seconds(calls, updates)
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB_IN_A_MIB
    print(json.dumps(found))


def update_of(student: Student, teacher: nn.Cell, images: Tensor) -> Callable[[], object]:
    """An update of the student, which follows ``teacher``."""
    width = student.projector.weight.shape[0]
    objective = FeatureDistillationObjective(FeatureDistances(student, teacher, width))
    weights = weights_of(student)
    step = TrainStep(objective, weights, AdamW(weights, 0.05))
    return lambda: step(1e-4, 0, [(images,)]).loss()


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
        measure(*sys.argv[2:5], *map(int, sys.argv[5:7]))
    else:
        main(sys.argv[1:] or list(USUAL))
