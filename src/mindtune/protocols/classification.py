"""Protocol ``classification``: a network's own logits on a split of its data set."""

from __future__ import annotations

from typing import Any

from mindtune.protocols.evaluation import Evaluation
from mindtune.protocols.judged_split import judged_split


def classification(evaluation: Evaluation) -> tuple[str, dict[str, Any]]:
    """Accuracies; the classes must be those of training."""
    split, source, found = judged_split(evaluation)
    evaluation.pretrained.check_classes(source.class_names)
    result = evaluation.judge(split, evaluation.network(len(source.class_names)), source)
    return split, {**found, "metrics": result.metrics()}
