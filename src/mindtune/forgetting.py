"""What a backbone forgets by tuning: its k-NN accuracy on a source data set, before and after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from mindtune import assemble
from mindtune.config import (
    HeadConfig,
    PreprocessingConfig,
    RunConfig,
    TuningConfig,
    from_plain,
)
from mindtune.engine.distributed.world import World
from mindtune.errors import ConfigError, DataError
from mindtune.knn_evaluation import Accuracies, KNNEvaluation
from mindtune.networks.classifier import Classifier
from mindtune.parameters import weights_of
from mindtune.preprocessing import Preprocessing
from mindtune.pretrained import Pretrained, load_backbone, read_pretrained

_HEAD_CLASSES = 2  # of a head that nobody asks

Say = Callable[[str], None]


@dataclass(frozen=True)
class Before:
    """The state that tuning started from.

    Attributes:
        weights: their file.
        accuracies: by k.
        preprocessing: how images were prepared.
    """

    weights: str
    accuracies: Accuracies
    preprocessing: Preprocessing


def measure_before(
    evaluation: KNNEvaluation,
    config: RunConfig,
    start: Pretrained,
    preprocessing: Preprocessing | None,
    say: Say,
) -> Before:
    """The k-NN accuracy of the weights ``start`` in a backbone without anything of ours.

    Features are the pooled ones whatever ``knn.space`` says: the head whose logits it means has not
    been trained.

    Args:
        evaluation: the source data.
        config: of the run that started from them.
        start: weights; where this package wrote them, with the tunings they were made with.
        preprocessing: of the images; None: what ``start`` was made with.
        say: prints a line.

    Raises:
        WeightsError: the backbone of the run does not take them.
    """
    tuning = TuningConfig(modes=["linear"])
    if "config" in start.header:
        tuning = from_plain(TuningConfig, start.header["config"]["tuning"])
    plain = replace(config, tuning=tuning, head=HeadConfig(), preprocessing=PreprocessingConfig())
    network = assemble.build_classifier(plain, _HEAD_CLASSES, start.preprocessing)
    report = load_backbone(network, start, config.position_resize)
    say(f"before tuning: {report.summary()}")
    evaluation.world.broadcast(weights_of(network))
    own = network.backbone.preprocessing if preprocessing is None else preprocessing
    return Before(str(start.path), evaluation.accuracies(network, plain, own), own)


def compare(
    evaluation: KNNEvaluation,
    before: Before | None,
    after: Accuracies,
    preprocessing: Preprocessing,
    say: Say,
) -> dict[str, Any]:
    """Both, and the change from one to the other, in percent and points, printed and returned."""
    known = None if before is None else before.accuracies
    change = None if known is None else _difference(known, after)
    for k, accuracy in after.items():
        parts = []
        for name, value in accuracy.items():
            part = f"{name} {value:.2f} %"
            if known is not None and change is not None:
                part += f" (before {known[k][name]:.2f} %, change {change[k][name]:+.2f})"
            parts.append(part)
        say(f"k-NN on {evaluation.config.data.name} {evaluation.split}, k {k}: {', '.join(parts)}")
    return {
        **evaluation.description(),
        "preprocessing": preprocessing.as_dict(),
        "before_weights": None if before is None else before.weights,
        "before": known,
        "after": after,
        "change": change,
    }


def _difference(before: Accuracies, after: Accuracies) -> Accuracies:
    return {
        k: {name: value - before[k][name] for name, value in accuracy.items()}
        for k, accuracy in after.items()
    }


class Forgetting:
    """The test of ``forgetting.*`` around one training; made, it has measured the state before.

    Args:
        config: of the run.
        run_preprocessing: of the images of the run.
        world: all ranks.
        say: prints a line.

    Raises:
        ConfigError: a run that starts from random weights, or a ``knn.k`` beyond the source images.
        DataError: no such data.
    """

    def __init__(
        self, config: RunConfig, run_preprocessing: Preprocessing, world: World, say: Say
    ) -> None:
        if config.pretrained is None:
            raise ConfigError(
                f"forgetting.name: got {config.forgetting.name} in a run from random weights, "
                "which have nothing to forget; give --pretrained, or leave it out"
            )
        self.config, self.say = config, say
        self.evaluation = _open_source(config, world, say)
        start = read_pretrained(config.pretrained, config.pretrained_key)
        given = run_preprocessing if config.knn.preprocessing == "run" else None
        self.before = measure_before(self.evaluation, config, start, given, say)

    def after(self, network: Classifier, num_classes: int) -> dict[str, Any]:
        """What ``result.json`` says of the tuned ``network`` with so many logits."""
        own = self.before.preprocessing
        logits = num_classes if self.config.knn.space == "logits" else None
        found = self.evaluation.accuracies(network, self.config, own, logits)
        return compare(self.evaluation, self.before, found, own, self.say)


def _open_source(config: RunConfig, world: World, say: Say) -> KNNEvaluation:
    source = config.forgetting
    data = replace(config.data, **{k: getattr(source, k) for k in ("name", "root", "classes")})
    try:
        return KNNEvaluation(replace(config, data=data), source.split, world, say)
    except (ConfigError, DataError) as error:
        raise type(error)(
            f"the source data, given by --forgetting.name, .root and .classes: {error}"
        ) from error
