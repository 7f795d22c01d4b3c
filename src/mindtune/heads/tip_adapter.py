"""Tip-Adapter (Zhang et al., ECCV 2022): zero-shot logits and a cache of the few-shot images."""

from __future__ import annotations

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from mindtune.heads.logit_fusion import LOGIT_SCALE, unit


class TipAdapter(nn.Cell):
    """CLIP features (B, D) -> logits (B, C).

    ``100 f T + alpha exp(-beta (1 - f K^T)) L`` with f of length 1, K (N, D) the features of the
    N few-shot images and L (N, C) their classes, one-hot. Without training it is Tip-Adapter; with
    K trained, Tip-Adapter-F.

    Args:
        text_weights: T (D, C), columns of length 1.
        keys: features of the few-shot images (N, D), of any length.
        labels: (N,).
        alpha: weight of the cache.
        beta: sharpness of the affinity.
    """

    def __init__(
        self,
        text_weights: np.ndarray,
        keys: np.ndarray,
        labels: np.ndarray,
        alpha: float = 1.0,
        beta: float = 5.5,
    ) -> None:
        super().__init__()
        rows = keys / np.linalg.norm(keys, axis=1, keepdims=True)
        classes = np.eye(text_weights.shape[1], dtype=np.float32)[labels]
        self.alpha, self.beta = alpha, beta
        self.text_weights = Parameter(
            Tensor(text_weights), name="text_weights", requires_grad=False
        )
        self.keys = Parameter(Tensor(rows.astype(np.float32)), name="keys")
        self.classes = Parameter(Tensor(classes), name="classes", requires_grad=False)

    def construct(self, clip_features: Tensor) -> Tensor:
        features = unit(clip_features)
        zero_shot = LOGIT_SCALE * ops.matmul(features, self.text_weights)
        affinity = ops.dense(features, self.keys)  # (B, N)
        cache = ops.matmul(ops.exp(self.beta * (affinity - 1.0)), self.classes)
        return zero_shot + self.alpha * cache
