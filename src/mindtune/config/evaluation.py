"""Keys of the evaluations during training and after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Optional, Union


@dataclass
class EvaluationConfig:
    """Evaluation during training, and choice of the best checkpoint.

    Attributes:
        every: epochs between evaluations; the end of the run is always evaluated.
        every_steps: the same in updates, for a run whose length is steps.
        batch_size: images a batch.
        selection: split that chooses the best checkpoint; test reproduces papers that did so, and
            says so.
        statistics: mean and std by which evaluation images are normalised; default: those of
            training. clip reproduces Feature Distillation's released validation.
    """

    every: int = 1
    every_steps: Optional[int] = None
    batch_size: int = 64
    selection: Literal["val", "test"] = "val"
    statistics: Optional[Literal["imagenet", "inception", "clip"]] = None


@dataclass
class KNNConfig:
    """k-NN classification by frozen features, see docs/knn.md.

    Attributes:
        k: numbers of neighbours, each reported; 20 is the main one, where it is not there the
            first.
        temperature: of the votes.
        space: features are the backbone's pooled ones, before any head; logits what the released
            code of the block-expansion paper compares for LoRA.
        preprocessing: how images are prepared where the weights before tuning are known; backbone
            as those were made with, run as in tuning.
        cache: folder to keep features in; default: not kept.
    """

    k: list[int] = field(default_factory=lambda: [10, 20, 100, 200])
    temperature: float = 0.07
    space: Literal["features", "logits"] = "features"
    preprocessing: Literal["backbone", "run"] = "backbone"
    cache: Optional[str] = None


@dataclass
class ForgettingConfig:
    """k-NN accuracy on a source data set before and after tuning, told in result.json.

    Attributes:
        name: a registered data set; default: forgetting is not measured.
        root: folder of the data set on disk.
        classes: keep only these classes (names or indices), in this order.
        split: images that are classified; default: test where there is one, else val.
    """

    name: Optional[str] = None
    root: Optional[str] = None
    classes: Optional[list[Union[int, str]]] = None
    split: Optional[Literal["val", "test"]] = None
