"""Protocol ``diagnose``: where the heads of a transformer look, and how the loss around it lies."""

from __future__ import annotations

from typing import Any

import numpy as np

from mindtune import assemble
from mindtune.data.source import ImageSource
from mindtune.data.splits import Subset
from mindtune.errors import ConfigError
from mindtune.evaluation.attention import measure_attention
from mindtune.evaluation.classification import evaluate_classification
from mindtune.evaluation.diagnosis_plots import plot_attention, plot_landscape, require_plots
from mindtune.evaluation.loss_landscape import loss_landscape
from mindtune.networks.classifier import Classifier
from mindtune.parameters import learnable_weights_of
from mindtune.protocols.evaluation import Evaluation
from mindtune.protocols.judged_split import judged_split


def diagnose(evaluation: Evaluation) -> tuple[str, dict[str, Any]]:
    """Figures and their numbers. Every rank measures all of it, rank 0 draws.

    Raises:
        ConfigError: a backbone whose tokens do not all see each other, or an option out of range.
        UserError: matplotlib is missing.
    """
    options = evaluation.config.diagnose
    pyplot = require_plots("protocol diagnose: draws figures")
    if options.images < 1 or options.steps < 0:
        raise ConfigError(
            f"diagnose: got {options.images} images and {options.steps} steps, expected at least "
            "1 and 0"
        )
    split, source, found = judged_split(evaluation)
    network = _network(evaluation, source)
    name = f"diagnose_{split}"
    images = _spread(source, options.images)
    found["attention"] = _attention(evaluation, network, images)
    attention = found["attention"]
    metrics: dict[str, Any] = {
        "images": len(images),
        "attention_distance": float(np.mean(attention["distance"])),
    }
    if attention["mean_similarity"]:
        metrics["head_similarity"] = float(np.mean(attention["mean_similarity"]))
    draws = evaluation.world.is_main
    if draws:
        plot_attention(pyplot, evaluation.folder / f"eval_{name}_attention.png", attention)
    if options.steps > 0:
        found["landscape"] = _landscape(evaluation, network, images)
        metrics["loss"] = _loss(evaluation, network, images)
        if draws:
            file = evaluation.folder / f"eval_{name}_landscape.png"
            plot_landscape(pyplot, file, found["landscape"])
    return name, {**found, "metrics": metrics}


def _network(evaluation: Evaluation, source: ImageSource) -> Classifier:
    """With its head where the loss is asked for."""
    if evaluation.config.diagnose.steps > 0:
        evaluation.pretrained.check_classes(source.class_names)
        network = evaluation.network(len(source.class_names))
    else:
        network = evaluation.network_without_head()
    if not hasattr(network.backbone, "forward_attentions"):
        raise ConfigError(
            f"backbone.name: got {evaluation.config.backbone.name}, expected a transformer whose "
            "tokens all see each other (ViT, BEiT, CLIP) for protocol diagnose"
        )
    return network


def _spread(source: ImageSource, count: int) -> Subset:
    """At most ``count`` images, evenly spread, since sets are often sorted by class."""
    count = min(count, len(source))
    return Subset(source, np.linspace(0, len(source) - 1, count).astype(int))


def _attention(evaluation: Evaluation, network: Classifier, images: Subset) -> dict[str, Any]:
    loader = assemble.build_eval_loader(evaluation.config, images, network.preprocessing)
    found = measure_attention(network.backbone, loader)
    return {
        "distance": found.distances().tolist(),
        "similarity": found.similarities().tolist(),
        "mean_similarity": found.mean_similarities().tolist(),
    }


def _landscape(evaluation: Evaluation, network: Classifier, images: Subset) -> dict[str, Any]:
    options, seed = evaluation.config.diagnose, evaluation.config.seed
    places, losses = loss_landscape(
        lambda: _loss(evaluation, network, images),
        learnable_weights_of(network),
        options.steps,
        options.radius,
        seed,
    )
    return {"places": places.tolist(), "losses": losses.tolist()}


def _loss(evaluation: Evaluation, network: Classifier, images: Subset) -> float:
    """Mean cross-entropy."""
    loader = assemble.build_eval_loader(evaluation.config, images, network.preprocessing)
    result = evaluate_classification(network, loader, len(images.class_names))
    return result.metrics()["loss"]
