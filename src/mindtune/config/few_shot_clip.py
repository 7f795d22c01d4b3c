"""Keys of protocol few_shot_clip."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass
class HeadTrainingConfig:
    """How a head learns from frozen features: AdamW on a cosine to 0, without warm-up.

    Attributes:
        epochs: passes over the few-shot images.
        batch_size: images an update; all of them, where there are fewer.
        lr: learning rate of the first update.
        weight_decay: decoupled.
        eps: of AdamW.
    """

    epochs: int = 50
    batch_size: int = 8
    lr: float = 1e-3
    weight_decay: float = 0.01
    eps: float = 1e-4


@dataclass
class TipAdapterConfig:
    """Options of Tip-Adapter.

    Attributes:
        alpha: weight of the cache of few-shot images.
        beta: sharpness of the affinity to them.
        training: of Tip-Adapter-F, whose keys train.
    """

    alpha: float = 1.0
    beta: float = 5.5
    training: HeadTrainingConfig = field(
        default_factory=lambda: HeadTrainingConfig(epochs=20, batch_size=256)
    )


@dataclass
class FewShotClipConfig:
    """A CLIP with a few images a class, for protocol few_shot_clip, see docs/amu.md.

    The group amu says what AMU-Tuning is made of, and how many views are taken of each image.

    Attributes:
        shots: training images a class; each number is evaluated.
        seeds: of the draw of these images and of the order of training; each is evaluated.
        methods: zero_shot are CLIP's texts alone, auxiliary the other networks' branch alone and
            amu both fused; tip_adapter and, with training, tip_adapter_f; linear_probe is
            scikit-learn's logistic regression on CLIP's image features.
        search: choose what weighs the parts of amu, tip_adapter and tip_adapter_f, and the penalty
            of linear_probe, on the validation images; without it the keys stand as they are.
        largest_alpha: end of the 20 values that are searched for the weight of what is added to
            CLIP's logits; 3 as Tip-Adapter's. A CLIP whose logits differ more than OpenAI's, such
            as a small one of a few classes, needs more.
        plot: draw accuracy over shots, which needs matplotlib.
        training: of AMU's auxiliary branch.
        tip_adapter: options of both forms of Tip-Adapter.
    """

    shots: list[int] = field(default_factory=lambda: [1, 2, 4, 8, 16])
    seeds: list[int] = field(default_factory=lambda: [1, 2, 3])
    methods: list[
        Literal["zero_shot", "auxiliary", "amu", "tip_adapter", "tip_adapter_f", "linear_probe"]
    ] = field(
        default_factory=lambda: [
            "zero_shot", "auxiliary", "amu", "tip_adapter", "tip_adapter_f", "linear_probe",
        ]
    )  # fmt: skip
    search: bool = True
    largest_alpha: float = 3.0
    plot: bool = True
    training: HeadTrainingConfig = field(default_factory=HeadTrainingConfig)
    tip_adapter: TipAdapterConfig = field(default_factory=TipAdapterConfig)
