"""Keys of single protocols of eval.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Optional


@dataclass
class ThroughputConfig:
    """Protocol throughput, on batches of evaluation.batch_size.

    Attributes:
        warmup: batches before the clock starts.
        repeats: batches that are timed.
    """

    warmup: int = 50
    repeats: int = 30


@dataclass
class DiagnoseConfig:
    """Protocol diagnose, on images spread evenly over the split.

    Attributes:
        images: how many, at most.
        steps: losses along each of two random directions around the weights; 0 draws no landscape,
            as for a student without a classifier.
        radius: how far they go; 1 is the length of the weights.
    """

    images: int = 256
    steps: int = 11
    radius: float = 1.0


@dataclass
class PicturesConfig:
    """Protocol pictures: what the report shows of features and attention.

    Attributes:
        images: embedded by t-SNE and PCA, at most; spread evenly over the split.
        classes: that they are of, at most; spread evenly over all classes.
        attention: images under which attention is drawn, where the network has a class token.
    """

    images: int = 1000
    classes: int = 10
    attention: int = 6


@dataclass
class FewShotConfig:
    """Few-shot episodes, for protocol few_shot, see docs/few_shot.md.

    Attributes:
        way: classes an episode.
        shots: labelled images a class; each number is evaluated.
        queries: images a class to classify; null: all the rest, as the SMKD authors' code.
        episodes: how many.
        classifiers: what classifies: prototype (nearest class mean by cosine), sgd_cosine (SMKD's
            trained cosine classifier), logistic (scikit-learn's logistic regression).
        features: cls is the class token (the backbone's pooled feature), mean the patches weighted
            by its attention, both one after the other; each of length 1. pixels is the image
            itself, to compare with.
        cache: folder to keep features in; default: not kept.
    """

    way: int = 5
    shots: list[int] = field(default_factory=lambda: [1, 5])
    queries: Optional[int] = 15
    episodes: int = 1000
    classifiers: list[Literal["prototype", "sgd_cosine", "logistic"]] = field(
        default_factory=lambda: ["prototype"]
    )
    features: Literal["cls", "mean", "both", "pixels"] = "both"
    cache: Optional[str] = None
