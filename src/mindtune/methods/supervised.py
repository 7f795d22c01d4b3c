"""Supervised tuning: a classifier of a backbone and a head, trained on labelled images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mindspore import Parameter

from mindtune import assemble
from mindtune.adapter import read_weights
from mindtune.data.loader import EvalLoader, TrainLoader
from mindtune.data.source import ImageSource
from mindtune.data.splits import require_same_classes
from mindtune.engine.selection import TOP1
from mindtune.evaluation.classification import evaluate_classification
from mindtune.evaluation.judgement import judge
from mindtune.forgetting import Forgetting
from mindtune.methods.method import RunContext
from mindtune.networks.classifier import Classifier
from mindtune.objectives.supervised import SupervisedObjective
from mindtune.parameters import weights_of
from mindtune.preprocessing import Preprocessing
from mindtune.pretrained import load_for_evaluation, load_for_training, read_pretrained


class Supervised:
    """Linear probing, full fine-tuning, Moment Probing, parameter-efficient tuning: one method.

    Args:
        run: its configuration and place.

    Raises:
        UserError: data, weights and configuration do not fit each other.
    """

    selection = TOP1

    def __init__(self, run: RunContext) -> None:
        self.run = run
        self.splits = assemble.build_splits(run.config, run.console.print)
        self.sources = self.splits.by_purpose(run.config.evaluation.selection)
        require_same_classes(self.sources)
        self.num_classes = len(self.sources["train"].class_names)
        self.network = _build_network(run, self.num_classes)
        self.preprocessing = self.network.backbone.preprocessing
        self.objective = SupervisedObjective(self.network)
        self.forgetting = _measure_before(run, self.preprocessing)

    def parameter_groups(self) -> dict[str, list[Parameter]]:
        """The backbone's groups from the input up, then ``head``."""
        return self.network.parameter_groups()

    def train_loader(self) -> TrainLoader:
        """Augmented and mixed images with soft targets."""
        world = self.run.world
        return assemble.build_train_loader(
            self.run.config, self.sources["train"], self.preprocessing, world.rank, world.size
        )

    def evaluate(self) -> dict[str, Any]:
        """Accuracies on the images that choose the best checkpoint."""
        loader = self._eval_loader(self.sources["selection"])
        return evaluate_classification(
            self.network,
            self.run.world.stop.interrupting(loader),
            self.num_classes,
            sum_over_ranks=self.run.world.sum,
        ).metrics()

    def final_evaluation(self, best: Path) -> dict[str, Any]:
        """Accuracies of the best checkpoint on the split that the run reports."""
        world, split = self.run.world, self.splits.final_split
        if world.is_main:
            load_for_evaluation(self.network, read_pretrained(str(best)))
        world.broadcast(weights_of(self.network))
        loader = self._eval_loader(self.sources["final"])
        judgement = judge(self.network, loader, self.sources["final"], world.sum, world.gather)
        if world.is_main:
            judgement.write(self.run.folder, split)
        metrics = judgement.result.metrics()
        self.run.say(
            f"best checkpoint on {split}: top-1 {metrics['top1']:.2f} %, "
            f"top-5 {metrics['top5']:.2f} %"
        )
        found = {"split": split, "metrics": metrics, "skipped_images": self.splits.skipped}
        if self.forgetting is not None:
            found["forgetting"] = self.forgetting.after(self.network, self.num_classes)
        return found

    def _eval_loader(self, source: ImageSource) -> EvalLoader:
        world = self.run.world
        return assemble.build_eval_loader(
            self.run.config, source, self.preprocessing, world.rank, world.size
        )


def _build_network(run: RunContext, num_classes: int) -> Classifier:
    """The network, with pre-trained weights unless a resumed state is about to fill it."""
    config = run.config
    if run.resumed_preprocessing is not None:
        return assemble.build_classifier(config, num_classes, run.resumed_preprocessing)
    if config.pretrained is None and config.adapter is None:
        run.say(
            f"weights: random, of seed {config.seed}; --pretrained FILE starts from trained ones"
        )
        return assemble.build_classifier(config, num_classes)
    pretrained = read_weights(config)
    network = assemble.build_classifier(config, num_classes, pretrained.preprocessing)
    report = load_for_training(network, pretrained, config.head.reset, config.position_resize)
    run.say(report.summary())
    return network


def _measure_before(run: RunContext, preprocessing: Preprocessing) -> Forgetting | None:
    """The state before training on the source data, where the run asks for it."""
    if run.config.forgetting.name is None:
        return None
    return Forgetting(run.config, preprocessing, run.world, run.say)
