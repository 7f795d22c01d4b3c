"""Feature Distillation's loss (Wei et al., 2022, arXiv 2205.14141, section 3)."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

_WHITENING_EPS = 1e-5


class FeatureDistances(nn.Cell):
    """Distance of each image's student tokens from its teacher tokens, (B, 3, S, S) -> (B,).

    Teacher tokens t are whitened, ``(t - mean_c t) / sqrt(var_c t + 1e-5)`` over the channels of
    each token, without scale and shift. The distance is the mean over tokens and channels of
    ``d^2 / (2 beta)`` where ``|d| < beta`` and ``|d| - beta / 2`` elsewhere.

    Args:
        student: images -> tokens (B, N, C).
        teacher: the same of the frozen network, C channels wide.
        width: C.
        beta: where the distance turns from square to linear; 2 in the paper.
    """

    def __init__(self, student: nn.Cell, teacher: nn.Cell, width: int, beta: float = 2.0) -> None:
        super().__init__(auto_prefix=False)
        self.student = student
        self.teacher = teacher
        self.beta = beta
        self.normalise = ops.LayerNorm(
            begin_norm_axis=-1, begin_params_axis=-1, epsilon=_WHITENING_EPS
        )
        self.ones = Tensor(np.ones(width, np.float32))
        self.zeros = Tensor(np.zeros(width, np.float32))

    def construct(self, images: Tensor) -> Tensor:
        wanted = self.normalise(self.teacher(images), self.ones, self.zeros)[0]  # (B, N, C)
        found = ops.cast(self.student(images), mstype.float32)  # (B, N, C)
        distances = ops.smooth_l1_loss(found, wanted, beta=self.beta, reduction="none")
        return ops.mean(distances, (1, 2))


class FeatureDistillationObjective(nn.Cell):
    """``loss = mean_b distances(images)``; ``construct(images)`` takes no labels."""

    term_names = ("smooth_l1",)

    def __init__(self, distances: FeatureDistances) -> None:
        super().__init__(auto_prefix=False)
        self.distances = distances

    def construct(self, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        loss = ops.mean(self.distances(images))
        return loss, (loss,)
