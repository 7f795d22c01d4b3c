"""Keys of the classifiers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass
class LinearHeadConfig:
    """Options of head linear.

    Attributes:
        pool: pooled is the backbone's own image feature, such as the class token of a ViT; mean the
            average of the patch tokens.
        init_scale: factor of the starting weights; 0.001 in Feature Distillation's fine-tuning.
        batch_norm: normalise the feature by batch statistics first, as MAE's linear probes do.
    """

    pool: Literal["pooled", "mean"] = "pooled"
    init_scale: float = 1.0
    batch_norm: bool = False


@dataclass
class MomentHeadConfig:
    """Options of head moment, see mindtune.heads.moment.

    Attributes:
        width: channels of the projection.
        num_heads: heads the projection is split into.
        pairing: which heads are correlated.
        split: how channels are dealt to heads.
        centering: what is subtracted from each head.
        first_token: whether token 0 takes part; auto keeps it where it is a patch, drop loses that
            patch as the authors' code does.
        init: how its dense layers start.
    """

    width: int = 512
    num_heads: int = 4
    pairing: Literal["near", "half", "one", "all"] = "near"
    split: Literal["contiguous", "strided"] = "contiguous"
    centering: Literal["scalar", "channel", "none"] = "scalar"
    first_token: Literal["auto", "drop", "keep"] = "auto"
    init: Literal["normal", "uniform"] = "normal"


@dataclass
class IsqrtMomentHeadConfig:
    """Options of head moment_isqrt, see mindtune.heads.moment_isqrt.

    Attributes:
        width: channels of the projection.
        iterations: Newton-Schulz steps of the square root.
        first_token: whether token 0 takes part; auto keeps it where it is a patch.
    """

    width: int = 256
    iterations: int = 5
    first_token: Literal["auto", "drop", "keep"] = "auto"


@dataclass
class HeadConfig:
    """Classifier on the backbone's features.

    Attributes:
        name: linear, moment (Moment Probing), or moment_isqrt (the same with iSQRT-COV).
        tokens: what the head reads, after the backbone's final norm, or before it as the Moment
            Probing authors' heads do on all networks but the ViT.
        reset: start with a new head and leave the head of the weight file unused.
        linear: options of head linear.
        moment: options of head moment.
        moment_isqrt: options of head moment_isqrt.
    """

    name: Literal["linear", "moment", "moment_isqrt"] = "linear"
    tokens: Literal["normed", "unnormed"] = "normed"
    reset: bool = True
    linear: LinearHeadConfig = field(default_factory=LinearHeadConfig)
    moment: MomentHeadConfig = field(default_factory=MomentHeadConfig)
    moment_isqrt: IsqrtMomentHeadConfig = field(default_factory=IsqrtMomentHeadConfig)
