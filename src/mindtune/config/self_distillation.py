"""Keys of methods ibot and smkd."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Optional


@dataclass
class ViewsConfig:
    """Random crops of an image; the global ones have the size of backbone.image_size.

    Attributes:
        global_scale: area share of the two global crops.
        local_crops: number of local crops, 0 for none.
        local_size: side of the local crops, pixels.
        local_scale: area share of the local crops.
    """

    global_scale: tuple[float, float] = (0.25, 1.0)
    local_crops: int = 10
    local_size: int = 96
    local_scale: tuple[float, float] = (0.05, 0.25)


@dataclass
class MasksConfig:
    """Patches of the global crops that the student does not see.

    Attributes:
        shape: block covers rectangles, rand single patches.
        ratios: shares of masked patches; each crop takes one of them at random.
        variations: half width of the interval around each ratio, from which the share is drawn.
        unmasked_epochs: first epochs without masks.
    """

    shape: Literal["block", "rand"] = "block"
    ratios: list[float] = field(default_factory=lambda: [0.0, 0.3])
    variations: list[float] = field(default_factory=lambda: [0.0, 0.2])
    unmasked_epochs: int = 0


@dataclass
class ProjectionConfig:
    """Projection head of student and teacher, see mindtune.heads.projection.

    Attributes:
        out_dim: prototypes.
        hidden_dim: width of its two hidden layers.
        bottleneck_dim: width before the prototypes.
        norm_last_layer: prototypes keep length 1.
        reset: start with a new head and leave the head of the weight file unused.
    """

    out_dim: int = 8192
    hidden_dim: int = 2048
    bottleneck_dim: int = 256
    norm_last_layer: bool = False
    reset: bool = False


@dataclass
class SelfDistillationConfig:
    """Loss, teacher and data of methods ibot and smkd, see docs/smkd.md.

    Attributes:
        cls_weight: of the loss between class tokens.
        mim_weight: of the loss of masked patches; default: 1 for ibot (0 is DINO), 0 for smkd.
        patch_weight: of the loss between patches of images of a class; smkd only.
        patch_match: how these patches are matched: as the paper says, or as the released code does.
        attention_weighted: these patches count by the teacher's attention; smkd only.
        across_ranks: images of a class are looked for in the batches of all ranks; smkd only.
        images_a_class: this many images of a class come together; default: a random order.
        momentum: of the teacher at the start; it rises to 1.
        student_temp: temperature of the student.
        teacher_temp: of the teacher's class token, at the start and after the warm-up.
        teacher_patch_temp: the same of its patches.
        warmup_teacher_temp_epochs: length of that warm-up.
        freeze_last_layer: epochs in which the prototypes do not train.
        chunk_rows: patches whose logits are in memory at a time; the CPU kernel chooses by itself.
    """

    cls_weight: float = 1.0
    mim_weight: Optional[float] = None
    patch_weight: float = 0.45
    patch_match: Literal["paper", "released"] = "paper"
    attention_weighted: bool = False
    across_ranks: bool = False
    images_a_class: Optional[int] = None
    momentum: float = 0.996
    student_temp: float = 0.1
    teacher_temp: tuple[float, float] = (0.04, 0.07)
    teacher_patch_temp: tuple[float, float] = (0.04, 0.07)
    warmup_teacher_temp_epochs: int = 30
    freeze_last_layer: int = 1
    chunk_rows: int = 2048
    views: ViewsConfig = field(default_factory=ViewsConfig)
    masks: MasksConfig = field(default_factory=MasksConfig)
    projection: ProjectionConfig = field(default_factory=ProjectionConfig)
