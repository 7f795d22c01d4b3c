"""AMU-Tuning's classifier on features: zero-shot logits and an auxiliary logit bias."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mindspore import Parameter, Tensor, nn, ops
from mindspore.common.initializer import Uniform

from mindtune.heads.confidence import confidence_factor
from mindtune.layers.linear import linear
from mindtune.layers.standardise import standardise

LOGIT_SCALE = 100.0


def unit(rows: Tensor) -> Tensor:
    """Rows (B, D) of length 1."""
    return rows / ops.sqrt(ops.sum(rows * rows, -1, True))


class AuxiliaryBranch(nn.Cell):
    """``standardise(W f / |f|)``, features (B, A) -> logits (B, C); W (C, A) is all that trains.

    ``start`` gives W its first value, see ``class_means``; without one it is drawn from
    +-1 / sqrt(A).
    """

    def __init__(self, dim: int, num_classes: int, start: np.ndarray | None = None) -> None:
        super().__init__()
        weight_init = Uniform(dim**-0.5) if start is None else Tensor(start)
        self.fc = linear(dim, num_classes, bias=False, weight_init=weight_init)

    def construct(self, features: Tensor) -> Tensor:
        return standardise(self.fc(unit(features)))


def class_means(features: np.ndarray, labels: np.ndarray, num_classes: int) -> np.ndarray:
    """First weights (C, A) of a branch: the mean of the unit features of each class.

    Every class is divided by its own count; the authors divide by N / C, which is the same for
    the balanced sets that k-shot sampling gives.

    Args:
        features: (N, A), of any length.
        labels: (N,), every class at least once.
        num_classes: C.
    """
    rows = features.astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    sums = np.zeros((num_classes, rows.shape[1]))
    np.add.at(sums, labels, rows)
    counts = np.bincount(labels, minlength=num_classes)[:, None]
    return (sums / counts).astype(np.float32)


class LogitFusion(nn.Cell):
    """CLIP features (B, D) and auxiliary features (B, A_i) -> fused and auxiliary logits.

    ``s_0 = 100 f / |f| T``; ``s = s_0 + alpha * factor(s_0) * sum_i s_i``, s_i the standardised
    logits of branch i. AMU-Tuning (CVPR 2024); the paper has one branch, more of them add up.

    Args:
        text_weights: T (D, C), columns of length 1.
        dims: A_i, one a branch.
        alpha: share of the auxiliary logits (beta in the paper).
        confidence: name of the factor, see ``confidence_factor``.
        power: rho of the factor.
        starts: first weights (C, A_i) of the branches; None draws them.

    Raises:
        ConfigError: unknown confidence.
    """

    def __init__(
        self,
        text_weights: np.ndarray,
        dims: Sequence[int],
        alpha: float,
        confidence: str,
        power: float,
        starts: Sequence[np.ndarray] | None = None,
    ) -> None:
        super().__init__()
        num_classes = text_weights.shape[1]
        self.alpha = alpha
        self.text_weights = Parameter(
            Tensor(text_weights), name="text_weights", requires_grad=False
        )
        self.factor = confidence_factor(confidence, power, num_classes)
        self.branches = nn.CellList(
            [
                AuxiliaryBranch(dim, num_classes, None if starts is None else starts[i])
                for i, dim in enumerate(dims)
            ]
        )

    def zero_shot(self, clip_features: Tensor) -> Tensor:
        """CLIP's own logits s_0 (B, C)."""
        return LOGIT_SCALE * ops.matmul(unit(clip_features), self.text_weights)

    def construct(
        self, clip_features: Tensor, *auxiliary_features: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        zero_shot = self.zero_shot(clip_features)
        auxiliary: tuple[Tensor, ...] = ()
        bias = ops.zeros_like(zero_shot)
        for i in range(len(self.branches)):
            logits = self.branches[i](auxiliary_features[i])
            auxiliary += (logits,)
            bias = bias + logits
        return zero_shot + self.alpha * self.factor(zero_shot) * bias, auxiliary
