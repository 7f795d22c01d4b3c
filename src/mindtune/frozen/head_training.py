"""Train a head on frozen features, in memory and without a run folder."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from mindspore import Tensor, nn

from mindtune.config import HeadTrainingConfig
from mindtune.data.feature_loader import FeatureLoader
from mindtune.engine.optim import create_optimizer
from mindtune.engine.schedules import learning_rates
from mindtune.engine.step import TrainStep
from mindtune.parameters import weights_of

Columns = tuple[np.ndarray, ...]


def train_on_features(
    objective: nn.Cell,
    loader: FeatureLoader,
    options: HeadTrainingConfig,
    columns: Callable[[Columns], Columns] = tuple,
) -> None:
    """Train what of ``objective.network`` has ``requires_grad``; the last weights stay.

    Args:
        objective: ``construct(*columns) -> (loss, terms)``.
        loader: batches (labels, features of each network).
        options: length, batch and optimiser.
        columns: from a batch of ``loader`` to what ``objective`` reads.
    """
    trained = [p for p in weights_of(objective.network) if p.requires_grad]
    decay, eps = options.weight_decay, options.eps
    optimizer = create_optimizer("adamw", trained, decay, (0.9, 0.999), eps, momentum=0.0)
    step = TrainStep(objective, trained, optimizer)
    rates = learning_rates("cosine", options.lr, options.epochs, loader.num_batches, min_lr=0.0)
    done = 0
    for epoch in range(options.epochs):
        for batch in loader.epoch(epoch):
            step(float(rates[done]), done, [tuple(map(Tensor, columns(batch)))])
            done += 1
