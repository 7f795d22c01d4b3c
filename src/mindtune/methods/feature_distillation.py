"""Feature Distillation: a fresh student follows the last tokens of a frozen teacher."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import Parameter, nn

from mindtune import assemble
from mindtune.config import RANDOM_WEIGHTS, TeacherConfig
from mindtune.data.loader import EvalLoader, TrainLoader
from mindtune.data.source import ImageSource
from mindtune.engine.precision import check_precision, to_precision
from mindtune.engine.selection import Selection
from mindtune.errors import ConfigError
from mindtune.evaluation.distillation import LOSS, evaluate_distances
from mindtune.knn_evaluation import KNNEvaluation
from mindtune.methods.method import RunContext
from mindtune.methods.token_shape import token_shape
from mindtune.networks.student import Student
from mindtune.objectives.feature_distillation import FeatureDistances, FeatureDistillationObjective
from mindtune.objectives.teacher import Teacher
from mindtune.parameters import weights_of
from mindtune.pretrained import (
    Pretrained,
    config_as_trained,
    load_for_evaluation,
    load_student,
    load_teacher,
    read_pretrained,
)

KNN = "knn_top1"


class FeatureDistillation:
    """The first phase of Feature Distillation (Wei et al., 2022, arXiv 2205.14141).

    Images need no labels, those that there are have no influence. The teacher sees the student's
    views and is stored nowhere. A second phase tunes the student's weights like any others.

    Args:
        run: its configuration and place.

    Raises:
        UserError: data, weights and configuration do not fit each other.
    """

    def __init__(self, run: RunContext) -> None:
        self.run = run
        self.splits = assemble.build_splits(run.config, run.console.print)
        self.sources = self.splits.by_purpose(run.config.evaluation.selection)
        start = _start_weights(run)
        stored = start.preprocessing if start else run.resumed_preprocessing
        student = assemble.build_backbone(run.config, stored)
        _check_trains(student, run.config.tuning.modes)
        self.preprocessing = student.preprocessing
        teacher = _build_teacher(run, self.preprocessing.input_size)
        first_student, first_teacher, width = _matching_tokens(student, teacher, run.config.teacher)
        self.network = Student(student, width, first_student)
        if start is not None:
            report = load_student(self.network, start, run.config.position_resize)
            run.say(report.summary())
        self.distances = FeatureDistances(
            self.network,
            Teacher(teacher, self.preprocessing, first_teacher),
            width,
            run.config.distillation.beta,
        )
        self.objective = FeatureDistillationObjective(self.distances)
        self.selection = Selection(LOSS, larger_is_better=False)
        self.neighbours: KNNEvaluation | None = None
        if run.config.distillation.select == KNN:
            self.selection = Selection(KNN)
            self.neighbours = self._neighbours(run.config.evaluation.selection)

    def parameter_groups(self) -> dict[str, list[Parameter]]:
        """The student's groups from the input up, then ``projector``."""
        return self.network.parameter_groups()

    def train_loader(self) -> ImagesOnly:
        """Augmented images."""
        world = self.run.world
        return ImagesOnly(
            assemble.build_train_loader(
                self.run.config, self.sources["train"], self.preprocessing, world.rank, world.size
            )
        )

    def evaluate(self) -> dict[str, Any]:
        """Mean loss on the images that choose the best checkpoint, without drop path; and their
        accuracy by neighbours where that chooses it."""
        world = self.run.world
        batches = world.stop.interrupting(self._eval_loader(self.sources["selection"]))
        metrics = evaluate_distances(self.distances, batches, world.sum)
        return {**metrics, **self._accuracy(self.neighbours)}

    def final_evaluation(self, best: Path) -> dict[str, Any]:
        """The loss of the best checkpoint on the split that the run reports."""
        world, split = self.run.world, self.splits.final_split
        if world.is_main:
            load_for_evaluation(self.network, read_pretrained(str(best)))
        world.broadcast(weights_of(self.network))
        loader = self._eval_loader(self.sources["final"])
        metrics = evaluate_distances(self.distances, loader, world.sum)
        if self.neighbours is not None:
            metrics.update(self._accuracy(self._neighbours(split)))
        shown = ", ".join(f"{k} {v:.4f}" for k, v in metrics.items() if isinstance(v, float))
        self.run.say(f"best epoch on {split}: {shown}")
        return {"split": split, "metrics": metrics, "skipped_images": self.splits.skipped}

    def _neighbours(self, split: str) -> KNNEvaluation:
        config = self.run.config
        uncached = replace(config, knn=replace(config.knn, cache=None))  # weights change too often
        return KNNEvaluation(uncached, split, self.run.world, self.run.say)

    def _accuracy(self, neighbours: KNNEvaluation | None) -> dict[str, float]:
        """Share of images, percent, whose nearest training images have their class."""
        if neighbours is None:
            return {}
        found = neighbours.accuracies(self.network, self.run.config, self.preprocessing)
        return {KNN: found[neighbours.main_k]["top1"]}

    def _eval_loader(self, source: ImageSource) -> EvalLoader:
        world = self.run.world
        return assemble.build_eval_loader(
            self.run.config, source, self.preprocessing, world.rank, world.size
        )


@dataclass(frozen=True)
class ImagesOnly:
    """The batches of a loader without their targets."""

    loader: TrainLoader

    @property
    def num_batches(self) -> int:
        """Full global batches in an epoch."""
        return self.loader.num_batches

    def epoch(self, epoch: int, first_image: int = 0) -> Iterator[tuple[np.ndarray, ...]]:
        """Images (B, 3, S, S) of epoch ``epoch`` from ``first_image`` on."""
        for images, _ in self.loader.epoch(epoch, first_image):
            yield (images,)


def _start_weights(run: RunContext) -> Pretrained | None:
    """What the student starts from, unless it starts fresh or a resumed state fills it."""
    config = run.config
    if config.pretrained is None or run.resumed_preprocessing is not None:
        return None
    return read_pretrained(config.pretrained, config.pretrained_key)


def _check_trains(student: nn.Cell, modes: list[str]) -> None:
    if not any(p.requires_grad for p in weights_of(student)):
        raise ConfigError(
            f"tuning.modes: got {modes}, with which nothing of the student trains; use "
            "--tuning.modes [full]"
        )


def _build_teacher(run: RunContext, student_size: int) -> nn.Cell:
    """The teacher's backbone with its weights, tuned as they were, in its own precision."""
    config = run.config.teacher
    check_precision(config.precision, run.config.device_target, "teacher.precision")
    if config.pretrained is None:
        raise ConfigError(
            "teacher.pretrained: got nothing, expected the teacher's weight file or run folder "
            "(random tries a recipe out)"
        )
    pretrained = None
    if config.pretrained != RANDOM_WEIGHTS:
        pretrained = read_pretrained(config.pretrained, config.pretrained_key)
    name = config.name or (pretrained.backbone_name if pretrained else None)
    if name is None:
        raise ConfigError(
            "teacher.name: got nothing, expected the backbone of teacher.pretrained, which does "
            "not say it itself"
        )
    size = config.image_size or student_size
    stored = {} if pretrained is None else pretrained.preprocessing
    chosen = {k: v for k in ("mean", "std") if (v := getattr(config, k)) is not None}
    built_from = config_as_trained(run.config, pretrained, name, size)
    teacher = assemble.build_backbone(built_from, {**stored, **chosen})
    if pretrained is not None:
        report = load_teacher(teacher, pretrained, run.config.position_resize)
        run.say(f"teacher: {report.summary()}")
    run.say(f"teacher: images {teacher.preprocessing}")
    run.world.broadcast(weights_of(teacher))
    to_precision(teacher, config.precision)
    return teacher


def _matching_tokens(
    student: nn.Cell, teacher: nn.Cell, config: TeacherConfig
) -> tuple[int, int, int]:
    """First token to compare of the student and of the teacher, and the teacher's width.

    Raises:
        ConfigError: they have different tokens.
    """
    (student_count, _), (teacher_count, width) = token_shape(student), token_shape(teacher)
    prefixes = (student.num_prefix_tokens, teacher.num_prefix_tokens)
    if config.tokens == "all" and prefixes[0] != prefixes[1]:
        raise ConfigError(
            f"teacher.tokens: got all, but the student has {prefixes[0]} and the teacher "
            f"{prefixes[1]} class token(s), expected as many; use --teacher.tokens patches"
        )
    patches = (student_count - prefixes[0], teacher_count - prefixes[1])
    if patches[0] != patches[1]:
        raise ConfigError(
            f"teacher.image_size: got {teacher.preprocessing.input_size}, with which the teacher "
            f"has {patches[1]} patches and the student {patches[0]}, expected as many; choose the "
            "size that makes their grids equal, or another backbone"
        )
    firsts = prefixes if config.tokens == "patches" else (0, 0)
    return (*firsts, width)
