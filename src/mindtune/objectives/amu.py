"""AMU-Tuning's objective (CVPR 2024): fused and auxiliary cross-entropy."""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from mindtune.errors import ConfigError


class AmuObjective(nn.Cell):
    """``lambda CE(s, y) + (1 - lambda) mean_i CE(s_i, y)`` of features and labels.

    ``construct(labels int32 (B,), clip_features (B, D), *auxiliary_features (B, A_i))``. The paper
    writes lambda and 1 - lambda the same way round.

    Args:
        network: a ``LogitFusion``.
        fused_share: lambda.

    Raises:
        ConfigError: a share outside 0 to 1.
    """

    term_names = ("fused", "auxiliary")

    def __init__(self, network: nn.Cell, fused_share: float) -> None:
        super().__init__(auto_prefix=False)
        if not 0 <= fused_share <= 1:
            raise ConfigError(f"amu.fused_share: got {fused_share}, expected 0 to 1")
        self.network = network
        self.fused_share = fused_share

    def construct(
        self, labels: Tensor, clip_features: Tensor, *auxiliary_features: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        logits, branches = self.network(clip_features, *auxiliary_features)
        fused = ops.cross_entropy(logits, labels)
        auxiliary = ops.zeros_like(fused)
        for branch in branches:
            auxiliary = auxiliary + ops.cross_entropy(branch, labels)
        auxiliary = auxiliary / len(branches)
        loss = self.fused_share * fused + (1.0 - self.fused_share) * auxiliary
        return loss, (fused, auxiliary)


class ImageAmuObjective(nn.Cell):
    """The same of images: ``construct(labels int32 (B,), images (B, 3, S, S))``.

    Args:
        objective: of features.
        towers: images -> the features of CLIP and of each branch, frozen.
    """

    term_names = AmuObjective.term_names

    def __init__(self, objective: AmuObjective, towers: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.objective = objective
        self.towers = towers

    def construct(self, labels: Tensor, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        return self.objective(labels, *self.towers(images))
