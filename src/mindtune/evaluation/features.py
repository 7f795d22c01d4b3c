"""Frozen features: what a network says of each image of a split."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.errors import DivergedError


@dataclass(frozen=True)
class LabelledFeatures:
    """One rank's share of the features of a split, and the labels of all its images.

    Attributes:
        values: float32 (n, D) of the images ``rank``, ``rank + ranks``, ...; all of them where
            there is one rank. May be a read-only view of a file.
        labels: int32 (N,) of all images.
    """

    values: np.ndarray
    labels: np.ndarray


class PooledFeatures(nn.Cell):
    """Images (B, 3, S, S) -> the pooled features (B, C) before any head, float32.

    Args:
        backbone: any, with whatever a tuning has put into it.
    """

    def __init__(self, backbone: nn.Cell) -> None:
        super().__init__(auto_prefix=False)  # the parameters keep their names
        self.backbone = backbone

    def construct(self, images: Tensor) -> Tensor:
        _, pooled = self.backbone(images)
        return ops.cast(pooled, mstype.float32)


def feature_batches(
    network: nn.Cell, batches: Iterable[tuple[np.ndarray, ...]]
) -> Iterator[np.ndarray]:
    """What ``network`` says of each image, in evaluation mode, a batch (b, D) after the other.

    Args:
        network: images (B, 3, S, S) -> (B, D); its train mode is restored in the end.
        batches: what ``EvalLoader`` yields; images that ``valid`` marks False are left out.

    Raises:
        DivergedError: features that are NaN or infinite.
    """
    was_training = network.training
    network.set_train(False)
    try:
        for images, _, valid in batches:
            found = network(Tensor(images)).asnumpy()[valid.reshape(-1).astype(bool)]
            _check_finite(found)
            yield found
    finally:
        network.set_train(was_training)


def fill_features(values: np.ndarray, found: Iterable[np.ndarray]) -> None:
    """Put the batches ``found`` into ``values``, float32 (n, D), one after the other.

    Raises:
        ValueError: other than n images, or another width.
    """
    filled = 0
    for batch in found:
        values[filled : filled + len(batch)] = batch
        filled += len(batch)
    if filled != len(values):
        raise ValueError(f"features: got {filled} images, expected {len(values)}")


def _check_finite(found: np.ndarray) -> None:
    broken = int(np.sum(~np.isfinite(found).all(axis=1)))
    if broken:
        raise DivergedError(
            f"features: got NaN or infinite values for {broken} of {len(found)} images, expected "
            "finite ones; the weights are broken: start from others, or train with a lower "
            "--optim.lr"
        )
