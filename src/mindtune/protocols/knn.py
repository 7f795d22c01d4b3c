"""Protocol ``knn``: accuracy by the nearest training images, and forgetting by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mindtune.errors import WeightsError
from mindtune.forgetting import compare, measure_before
from mindtune.knn_evaluation import KNNEvaluation
from mindtune.pretrained import Pretrained, read_pretrained
from mindtune.protocols.evaluation import Evaluation

PAIRS = ("ibot", "smkd")  # methods whose runs hold a student and a teacher


def knn(evaluation: Evaluation) -> tuple[str, dict[str, Any]]:
    """Accuracy by neighbours, and what it was before tuning where that is known."""
    config, pretrained, say = evaluation.config, evaluation.pretrained, evaluation.say
    test = KNNEvaluation(config, config.split, evaluation.world, say)
    num_logits = _known_logits(pretrained) if config.knn.space == "logits" else None
    if num_logits is None:
        network = evaluation.network_without_head()
    else:
        network = evaluation.network(num_logits)
    start, preprocessing = _weights_before(evaluation), network.backbone.preprocessing
    before = None
    if start is not None:
        given = preprocessing if config.knn.preprocessing == "run" else None
        before = measure_before(test, config, start, given, say)
        preprocessing = before.preprocessing
    after = test.accuracies(network, config, preprocessing, num_logits)
    found = compare(test, before, after, preprocessing, say)
    metrics = {**after[test.main_k], "images": len(test.queries)}
    return f"knn_{config.data.name}_{test.split}", {**found, "metrics": metrics}


def _known_logits(pretrained: Pretrained) -> int:
    if not pretrained.class_names:
        raise WeightsError(
            f"weights {pretrained.path}: --knn.space logits needs a head, and the classes that it "
            "was trained on are in files of this package only; use --knn.space features"
        )
    return len(pretrained.class_names)


def _weights_before(evaluation: Evaluation) -> Pretrained | None:
    """What tuning started from: what ``--before`` says, else what the run does, if it is there."""
    if evaluation.config.before is not None:
        return read_pretrained(evaluation.config.before)
    run = evaluation.pretrained.header.get("config", {})
    given = run.get("pretrained")
    if given is None:
        return None
    if not Path(given).exists():
        evaluation.say(f"before tuning: not measured, {given} is not here; give it as --before")
        return None
    start = read_pretrained(given, run.get("pretrained_key"))
    if start.header.get("config", {}).get("method") in PAIRS and not run.get("pretrained_key"):
        return read_pretrained(given, evaluation.config.pretrained_key)  # a pair from a pair
    return start
