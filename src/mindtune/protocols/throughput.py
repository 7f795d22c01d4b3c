"""Protocol ``throughput``: how fast a network answers."""

from __future__ import annotations

from typing import Any

import numpy as np
from mindspore import Tensor

from mindtune import assemble
from mindtune.errors import ConfigError
from mindtune.evaluation.throughput import images_per_second
from mindtune.protocols.evaluation import Evaluation
from mindtune.run import run_folder

_CLASSES = 1000  # where nothing says how many


def throughput(evaluation: Evaluation) -> tuple[str, dict[str, Any]]:
    """Images a second of all ranks together, on noise: needs neither data nor weights.

    Raises:
        ConfigError: nothing is timed.
    """
    config, options, start = evaluation.config, evaluation.config.throughput, evaluation.given
    if options.repeats < 1:
        raise ConfigError(f"throughput.repeats: got {options.repeats}, expected at least 1")
    classes, stored = _CLASSES, None
    if start is not None:
        classes, stored = len(start.class_names) or _CLASSES, start.preprocessing
    network = assemble.build_classifier(config, classes, stored)
    if evaluation.world.is_main:
        run_folder.make_folder(evaluation.folder)
    side, batch = network.preprocessing.input_size, config.evaluation.batch_size
    noise = np.random.default_rng(config.seed).standard_normal((batch, 3, side, side))
    images = Tensor(noise.astype(np.float32))
    speed = images_per_second(network, images, options.warmup, options.repeats)
    total = float(evaluation.world.sum(np.array([speed]))[0])
    found = {"batch_size": batch, "image_size": side, **vars(options)}
    return "throughput", {**found, "metrics": {"images_per_second": total}}
