"""Protocol ``pictures``: what the report shows of features and attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from mindtune import assemble
from mindtune.backbones.backbone import TokenBackbone
from mindtune.config import PicturesConfig
from mindtune.data.source import ImageSource
from mindtune.data.splits import Subset
from mindtune.errors import ConfigError
from mindtune.evaluation.class_attention import ClassAttention, picture_attention
from mindtune.evaluation.embedding import embed
from mindtune.evaluation.features import PooledFeatures, feature_batches
from mindtune.evaluation.judgement import thumbnail
from mindtune.protocols.evaluation import Evaluation
from mindtune.protocols.judged_split import judged_split

_PICTURE = 640  # pixels, the longer side


def pictures(evaluation: Evaluation) -> tuple[str, dict[str, Any]]:
    """Places of the images by t-SNE and PCA, and attention. Every rank computes all of it.

    Raises:
        ConfigError: an option out of range.
        DataError: fewer than 4 images.
    """
    options = evaluation.config.pictures
    if options.images < 1 or options.classes < 1 or options.attention < 0:
        raise ConfigError(
            f"pictures: got {options.images} images of {options.classes} classes and "
            f"{options.attention} pictures of attention, expected at least 1, 1 and 0"
        )
    split, source, found = judged_split(evaluation)
    network = evaluation.network_without_head()
    chosen, images = _spread(source, options)
    loader = assemble.build_eval_loader(evaluation.config, images, network.preprocessing)
    cell = PooledFeatures(network.backbone)
    features = np.concatenate(list(feature_batches(cell, loader)))
    embedding = embed(features, evaluation.config.seed)
    found.update(
        class_names=[source.class_names[label] for label in chosen],
        labels=np.searchsorted(chosen, images.labels).tolist(),
        tsne=np.round(embedding.tsne, 3).tolist(),
        pca=np.round(embedding.pca, 4).tolist(),
        pca_explained=embedding.pca_explained.tolist(),
        attention=[],
    )
    if isinstance(network.backbone, TokenBackbone):
        attention = ClassAttention(network.backbone)
        attention.set_train(False)
        found["attention"] = _attention(attention, images, options.attention)
    metrics = {"images": len(images), "attention_pictures": len(found["attention"])}
    return f"pictures_{split}", {**found, "metrics": metrics}


def _spread(source: ImageSource, options: PicturesConfig) -> tuple[np.ndarray, Subset]:
    """Labels of the classes that are shown, and some of their images, both evenly spread."""
    present = np.unique(source.labels)
    count = min(options.classes, len(present))
    chosen = present[np.linspace(0, len(present) - 1, count).astype(int)]
    of_them = np.flatnonzero(np.isin(source.labels, chosen))
    few = min(options.images, len(of_them))
    return chosen, Subset(source, of_them[np.linspace(0, len(of_them) - 1, few).astype(int)])


def _attention(network: ClassAttention, images: Subset, count: int) -> list[dict[str, str]]:
    places = np.linspace(0, len(images) - 1, min(count, len(images))).astype(int)
    return [
        {
            "image": images.describe(place),
            "label": images.class_names[images.labels[place]],
            "picture": thumbnail(picture_attention(network, images.load(place)), _PICTURE),
        }
        for place in places.tolist()
    ]
