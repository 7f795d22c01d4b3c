"""Keys of method feature_distillation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Optional


@dataclass
class TeacherConfig:
    """Network that method feature_distillation follows.

    Attributes:
        name: a registered backbone; default: the one of the run that pretrained is.
        pretrained: its weight file or run folder; random follows random weights, to try things out.
        pretrained_key: which network of the weight file.
        image_size: side of the images it sees, pixels, resized from the student's; default: the
            student's.
        tokens: which tokens are followed; all, or patches, without class tokens on either side.
        mean: of red, green and blue in 0 to 1; default: what its weights were made with.
        std: of red, green and blue in 0 to 1; default: what its weights were made with.
        precision: of its matrix products; fp16 or bf16 where the device has them.
    """

    name: Optional[str] = None
    pretrained: Optional[str] = None
    pretrained_key: Optional[str] = None
    image_size: Optional[int] = None
    tokens: Literal["all", "patches"] = "all"
    mean: Optional[tuple[float, float, float]] = None
    std: Optional[tuple[float, float, float]] = None
    precision: Literal["fp32", "fp16", "bf16"] = "fp32"


@dataclass
class DistillationConfig:
    """Options of method feature_distillation.

    Attributes:
        beta: distance where the loss turns from square to linear.
        select: what chooses the best checkpoint on the selection split; the loss, or the accuracy
            of the nearest training images (knn_top1), which needs labels.
    """

    beta: float = 2.0
    select: Literal["loss", "knn_top1"] = "loss"
