"""What protocol few_shot_clip compares: classifiers made of frozen features of a few images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from sklearn.linear_model import LogisticRegression

from mindtune.config import AmuConfig, FewShotClipConfig
from mindtune.data.feature_loader import FeatureLoader
from mindtune.evaluation.fusion import (
    FusionLogits,
    alphas_up_to,
    evaluate_fusion,
    search_fusion,
)
from mindtune.evaluation.shot_results import Scores
from mindtune.evaluation.weight_search import search_pair
from mindtune.frozen.fusion_weights import build_fusion
from mindtune.frozen.head_training import train_on_features
from mindtune.heads.logit_fusion import LOGIT_SCALE, LogitFusion, class_means
from mindtune.heads.tip_adapter import TipAdapter
from mindtune.objectives.amu import AmuObjective
from mindtune.objectives.supervised import SupervisedObjective

_BETAS = tuple(np.linspace(0.1, 7, 20))  # Tip-Adapter's own range on fewer values
_PENALTIES = tuple(10.0 ** np.arange(-3, 4))  # C of the logistic regression
_CLIP_C = 0.316  # of the CLIP authors' example


@dataclass(frozen=True)
class FewShotTask:
    """Features of one draw, one entry a network in every list, CLIP's first.

    Attributes:
        texts: columns of length 1 (D, C).
        views: K training views (N, D_i) of the few-shot images.
        train: their evaluation view (N, D_i).
        val: of the validation images.
        test: of the images that are reported.
        labels: by what the images are for.
        seed: of the order of training.
        amu: what AMU-Tuning is made of.
        options: of the protocol.
    """

    texts: np.ndarray
    views: Sequence[Sequence[np.ndarray]]
    train: Sequence[np.ndarray]
    val: Sequence[np.ndarray]
    test: Sequence[np.ndarray]
    labels: dict[str, np.ndarray]
    seed: int
    amu: AmuConfig
    options: FewShotClipConfig

    @property
    def auxiliary_widths(self) -> list[int]:
        """Widths of all features but CLIP's."""
        return [rows.shape[1] for rows in self.train[1:]]

    def mean_views(self, count: int | None = None) -> list[np.ndarray]:
        """Means of the first ``count`` views, or of all, (N, D_i) a network."""
        return [np.mean(views[:count], axis=0) for views in self.views]

    def zero_shot(self, purpose: str) -> np.ndarray:
        """CLIP's own logits (M, C) of the images for ``purpose``."""
        return LOGIT_SCALE * _unit(getattr(self, purpose)[0]) @ self.texts

    def loader(self, batch_size: int, networks: int | None = None) -> FeatureLoader:
        """Batches of training views, of the first networks or of all."""
        labels = self.labels["train"]
        size = min(batch_size, len(labels))
        return FeatureLoader(labels, self.views[:networks], size, self.seed)

    def scores(self, logits: Callable[[str], np.ndarray]) -> Scores:
        """Accuracies of what ``logits`` says of the images for a purpose."""
        val, test = (_top1(logits(name), self.labels[name]) for name in ("val", "test"))
        return Scores(val, test)


def compare(task: FewShotTask) -> dict[str, Scores]:
    """Scores of the methods ``task.options.methods``, by name."""
    asked = set(task.options.methods)
    found: dict[str, Scores] = {"zero_shot": task.scores(task.zero_shot)}
    if asked & {"auxiliary", "amu"}:
        found.update(amu_scores(task))
    if "tip_adapter" in asked:
        found["tip_adapter"] = tip_adapter_scores(task, _unit(task.mean_views()[0]))
    if "tip_adapter_f" in asked:
        found["tip_adapter_f"] = tip_adapter_scores(task, train_keys(task))
    if "linear_probe" in asked:
        found["linear_probe"] = linear_probe_scores(task)
    return {name: found[name] for name in task.options.methods}


def amu_scores(task: FewShotTask) -> dict[str, Scores]:
    """AMU-Tuning (CVPR 2024): the auxiliary branches alone, and fused with CLIP's logits."""
    options, network = task.amu, train_fusion(task)
    if task.options.search:
        asked = (options.alpha, options.power)
        found = search_fusion(
            FusionLogits(network),
            options.confidence,
            asked,
            task.val,
            task.labels["val"],
            _of_one_rank,
            task.options.largest_alpha,
        )
        options = replace(options, alpha=found.alpha, power=found.power)
        weights = [branch.fc.weight.asnumpy() for branch in network.branches]
        network = build_fusion(options, task.texts, task.auxiliary_widths, weights)
    judged = FusionLogits(network)
    val, test = (
        evaluate_fusion(judged, getattr(task, name), task.labels[name], _of_one_rank)
        for name in ("val", "test")
    )
    chosen = (("alpha", options.alpha), ("power", options.power))
    return {
        "auxiliary": Scores(val["auxiliary_top1"], test["auxiliary_top1"]),
        "amu": Scores(val["top1"], test["top1"], chosen),
    }


def train_fusion(task: FewShotTask) -> LogitFusion:
    """The fused classifier after training with the constants ``task.amu``."""
    options, training = task.amu, task.options.training
    starts = None
    if options.start == "class_means":
        means, labels = task.mean_views(options.start_views)[1:], task.labels["train"]
        starts = [class_means(rows, labels, task.texts.shape[1]) for rows in means]
    network = build_fusion(options, task.texts, task.auxiliary_widths, starts)
    objective = AmuObjective(network, options.fused_share)
    train_on_features(objective, task.loader(training.batch_size), training)
    return network


def _of_one_rank(values: np.ndarray) -> np.ndarray:
    """Every rank has the features of all images, so there is nothing to add up."""
    return values


def train_keys(task: FewShotTask) -> np.ndarray:
    """The keys of Tip-Adapter-F after training, (N, D)."""
    options = task.options.tip_adapter
    labels = task.labels["train"]
    network = TipAdapter(
        task.texts, task.mean_views()[0], labels, alpha=options.alpha, beta=options.beta
    )
    classes = np.eye(task.texts.shape[1], dtype=np.float32)
    train_on_features(
        SupervisedObjective(network),
        task.loader(options.training.batch_size, networks=1),
        options.training,
        lambda batch: (batch[1], classes[batch[0]]),
    )
    return network.keys.asnumpy()


def tip_adapter_scores(task: FewShotTask, keys: np.ndarray) -> Scores:
    """Tip-Adapter (ECCV 2022) with the keys (N, D), used as they are."""
    options = task.options.tip_adapter
    classes = np.eye(task.texts.shape[1], dtype=np.float32)[task.labels["train"]]
    parts = {
        name: (task.zero_shot(name), _unit(getattr(task, name)[0]) @ keys.T)
        for name in ("val", "test")
    }

    def logits(purpose: str, alpha: float, beta: float) -> np.ndarray:
        zero_shot, affinity = parts[purpose]
        return zero_shot + alpha * np.exp(beta * (affinity - 1)) @ classes

    pair = (options.alpha, options.beta)
    if task.options.search:
        alphas = alphas_up_to(task.options.largest_alpha)
        pair = search_pair(
            lambda a, b: logits("val", a, b), task.labels["val"], pair, alphas, _BETAS
        )
    found = task.scores(lambda purpose: logits(purpose, *pair))
    return Scores(found.val, found.test, (("alpha", pair[0]), ("beta", pair[1])))


def linear_probe_scores(task: FewShotTask) -> Scores:
    """Multinomial logistic regression (L-BFGS, L2) on CLIP's image features as they are.

    The CLIP paper (3.2) reads the features before the projection to the texts; ours, like its
    authors' example, those after it. The penalty is searched on fewer values than theirs.
    """
    found = []
    for penalty in (_CLIP_C, *(_PENALTIES if task.options.search else ())):
        model = LogisticRegression(C=penalty, max_iter=1000)
        model.fit(task.train[0], task.labels["train"])
        scores = task.scores(partial(_probabilities, model, task))
        found.append(Scores(scores.val, scores.test, (("C", float(penalty)),)))
    return max(found, key=lambda scores: scores.val)  # the first of equal ones


def _probabilities(model: LogisticRegression, task: FewShotTask, purpose: str) -> np.ndarray:
    return model.predict_proba(getattr(task, purpose)[0])


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _top1(logits: np.ndarray, labels: np.ndarray) -> float:
    """Accuracy in percent of logits (N, C); ties go to the lower class."""
    return 100.0 * float(np.mean(logits.argmax(axis=1) == labels))
