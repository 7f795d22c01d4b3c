"""Keys of AMU-Tuning: few-shot images, auxiliary networks, fusion."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Optional

DEFAULT_AUXILIARY = "resnet50"


@dataclass
class AuxiliaryConfig:
    """A frozen network beside CLIP; it sees the same pixels, normalised as its weights need.

    Attributes:
        name: a registered backbone; default: the one of the run that pretrained is, or resnet50.
        pretrained: its weight file or run folder; random follows random weights, to try things out.
        pretrained_key: which network of the weight file.
    """

    name: Optional[str] = None
    pretrained: Optional[str] = None
    pretrained_key: Optional[str] = None


@dataclass
class AmuConfig:
    """Options of method amu, see docs/amu.md.

    Attributes:
        shots: training images a class.
        shot_seed: of the draw of these images.
        draw: how they are drawn; coop as CoOp on its ten data sets, imagenet as on ImageNet.
        auxiliary: networks whose features are classified beside CLIP's, by name and pretrained.
        alpha: weight of the auxiliary logits (beta in the paper).
        fused_share: lambda, share of the fused logits in the loss.
        confidence: what scales the auxiliary logits of an image; kurtosis (of CLIP's logits) is the
            paper's, moment (of its probabilities) and the others are the authors' code's.
        power: rho, exponent of the confidence.
        start: first weights of the auxiliary classifiers; class_means of the features, or random.
        start_views: training views of an image whose features are averaged for class_means.
        cache_views: training views of each image whose features are computed once, and taken in
            turn; 0 computes the features of a new view in every epoch, as the authors' code.
        cache: folder to keep features in; default: not kept.
        adapter: file of trained auxiliary weights to start from or to judge, such as the authors'.
        search: choose alpha and power anew on the validation images after training.
        clip: weights of a run's CLIP, for eval.py and export.py; default: where train.py found it.
    """

    shots: int = 16
    shot_seed: int = 1
    draw: Literal["coop", "imagenet"] = "coop"
    auxiliary: list[AuxiliaryConfig] = field(default_factory=lambda: [AuxiliaryConfig()])
    alpha: float = 0.5
    fused_share: float = 0.35
    confidence: Literal[
        "kurtosis", "none", "moment", "entropy", "energy", "max", "max-min", "var", "top5"
    ] = "kurtosis"
    power: float = 0.4
    start: Literal["class_means", "random"] = "class_means"
    start_views: int = 1
    cache_views: int = 10
    cache: Optional[str] = None
    adapter: Optional[str] = None
    search: bool = False
    clip: Optional[str] = None
