"""Accuracy of CLIP, of the auxiliary networks and of both fused, from features; search on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mindspore import Tensor, nn, ops

from mindtune.evaluation.classification import ClassificationResult
from mindtune.heads.confidence import WITHOUT_POWER, confidence_factor
from mindtune.heads.logit_fusion import LogitFusion

_ROWS = 1024  # a graph call
LARGEST_ALPHA = 3.0  # of Tip-Adapter's search
_STEPS = 20
_POWERS = np.linspace(0.0, 1.0, 11)

SumOverRanks = Callable[[np.ndarray], np.ndarray]


class FusionLogits(nn.Cell):
    """Features -> logits (B, C) of CLIP, fused, and of the auxiliary networks added up.

    Kept for all evaluations of a run, it is compiled once for each number of rows.
    """

    def __init__(self, fusion: LogitFusion) -> None:
        super().__init__(auto_prefix=False)
        self.fusion = fusion

    def construct(self, clip_features: Tensor, *auxiliary: Tensor) -> tuple[Tensor, ...]:
        fused, branches = self.fusion(clip_features, *auxiliary)
        total = ops.zeros_like(fused)
        for branch in branches:
            total = total + branch
        return self.fusion.zero_shot(clip_features), fused, total


def fusion_logits(
    network: FusionLogits, features: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, ...]]:
    """Logits (n, C) of CLIP, fused, and auxiliary, a block of rows after the other.

    Args:
        network: with its weights.
        features: (N, D_i), CLIP's first.
    """
    rows = len(features[0])
    size = min(_ROWS, rows)
    for start in range(0, rows, size):
        blocks = [column[start : start + size] for column in features]
        count = len(blocks[0])
        filled = [np.concatenate([b, b[-1:].repeat(size - count, axis=0)]) for b in blocks]
        yield tuple(found.asnumpy()[:count] for found in network(*map(Tensor, filled)))


def evaluate_fusion(
    network: FusionLogits,
    features: Sequence[np.ndarray],
    labels: np.ndarray,
    sum_over_ranks: SumOverRanks,
) -> dict[str, Any]:
    """Metrics of the fused logits, and ``clip_top1`` and ``auxiliary_top1``, in percent.

    Args:
        network: with its weights.
        features: (n, D_i) of this rank's images, CLIP's first.
        labels: (n,).
        sum_over_ranks: adds up float64 arrays of all ranks.

    Raises:
        DivergedError: logits that are NaN or infinite.
    """
    classes = network.fusion.text_weights.shape[1]
    results = [ClassificationResult(classes) for _ in range(3)]
    counted = 0
    for block in fusion_logits(network, features):
        own = labels[counted : counted + len(block[0])]
        for result, logits in zip(results, block):
            result.add(logits, own)
        counted += len(own)
    for result in results:
        result.total(sum_over_ranks)
    clip, fused, auxiliary = (result.metrics() for result in results)
    return {**fused, "clip_top1": clip["top1"], "auxiliary_top1": auxiliary["top1"]}


@dataclass(frozen=True)
class FoundFusion:
    """What a search chose.

    Attributes:
        alpha, power: of the fusion.
        top1: of these on the images of the search, percent.
        tried: pairs of values that were compared.
    """

    alpha: float
    power: float
    top1: float
    tried: int


def alphas_up_to(largest: float) -> list[float]:
    """The values of alpha that a search tries."""
    return np.linspace(largest / _STEPS, largest, _STEPS).tolist()


def search_fusion(
    network: FusionLogits,
    confidence: str,
    asked: tuple[float, float],
    features: Sequence[np.ndarray],
    labels: np.ndarray,
    sum_over_ranks: SumOverRanks,
    largest_alpha: float = LARGEST_ALPHA,
) -> FoundFusion:
    """Alpha above 0 in 20 steps and power in 0 to 1 in steps of 0.1; nothing is trained again.

    The values that were ``asked`` for take part. The best accuracy wins, of equal ones the smallest
    loss. The range of alpha is that of Tip-Adapter's search; the authors give none for power.

    Args:
        network: trained; it is not changed.
        confidence: name of its factor.
        asked: alpha and power.
        features: (n, D_i) of this rank's images, CLIP's first.
        labels: (n,).
        sum_over_ranks: adds up float64 arrays of all ranks.
        largest_alpha: where alpha ends.
    """
    blocks = list(fusion_logits(network, features))
    zero_shot, bias = (np.concatenate([block[i] for block in blocks]) for i in (0, 2))
    alphas = alphas_up_to(largest_alpha)
    powers = [asked[1]] if confidence in WITHOUT_POWER else [asked[1], *_POWERS.tolist()]
    pairs = [(alpha, power) for power in powers for alpha in (asked[0], *alphas)]
    sums = np.zeros((len(pairs), 2))
    factors = {p: _factor(confidence, p, zero_shot) for p in powers}
    for place, (alpha, power) in enumerate(pairs):
        result = ClassificationResult(zero_shot.shape[1])
        result.add(zero_shot + alpha * factors[power] * bias, labels)
        sums[place] = result.top1, result.loss_sum
    images = float(sum_over_ranks(np.array([float(len(labels))]))[0])
    sums = sum_over_ranks(sums)
    best = min(range(len(pairs)), key=lambda place: (-sums[place, 0], sums[place, 1]))
    alpha, power = pairs[best]
    return FoundFusion(alpha, power, 100.0 * sums[best, 0] / images, len(set(pairs)))


def _factor(confidence: str, power: float, zero_shot: np.ndarray) -> np.ndarray:
    """The factor (n, 1) of every image."""
    factor = confidence_factor(confidence, power, zero_shot.shape[1])
    return factor(Tensor(zero_shot)).asnumpy()
