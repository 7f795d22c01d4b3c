"""Mean distance between a student and its teacher over a split."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from mindspore import Tensor, nn

from mindtune.errors import DataError, DivergedError

LOSS = "distillation_loss"


def evaluate_distances(
    distances: nn.Cell,
    batches: Iterable[tuple[np.ndarray, ...]],
    sum_over_ranks: Callable[[np.ndarray], np.ndarray],
) -> dict[str, Any]:
    """``distillation_loss``, the mean over all images, and ``images`` counted.

    Args:
        distances: images (B, 3, S, S) -> (B,), run in evaluation mode; its train mode is restored.
        batches: what ``EvalLoader`` yields; images that ``valid`` marks False are not counted.
        sum_over_ranks: adds up float64 arrays of all ranks, where each has its share of the images.

    Raises:
        DivergedError: a distance that is NaN or infinite.
        DataError: no images.
    """
    total = np.zeros(2)
    was_training = distances.training
    distances.set_train(False)
    try:
        for images, _, valid in batches:
            found = distances(Tensor(images)).asnumpy().astype(np.float64)
            found = found[valid.reshape(-1).astype(bool)]
            if not np.isfinite(found).all():
                raise DivergedError(
                    "evaluation: got a NaN or infinite distance, expected finite ones; train with "
                    "a lower --optim.lr"
                )
            total += (found.sum(), len(found))
    finally:
        distances.set_train(was_training)
    loss, images_counted = sum_over_ranks(total)
    if images_counted == 0:
        raise DataError("evaluation: got no images, expected at least 1; check the split")
    return {LOSS: float(loss / images_counted), "images": int(images_counted)}
