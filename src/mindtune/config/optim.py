"""Keys of the optimiser and of the learning rate over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Optional


@dataclass
class OptimConfig:
    """Optimiser.

    Attributes:
        name: adamw (decoupled decay, bias correction), sgd (momentum) or lars (sgd that scales the
            gradient of each matrix).
        lr: peak learning rate.
        lr_base_size: images an update that lr, schedule.warmup_lr and schedule.min_lr are meant
            for; all three are multiplied by the images of an update (batch_size x accumulate x
            ranks) over this. Default: never scaled.
        layer_decay: learning rate of a layer over that of the next one towards the head; default:
            all learn alike.
        layer_decay_floor: scaled applies layer_decay to warmup_lr and min_lr too; authors leaves
            them the same for all layers, as Feature Distillation's code does.
        weight_decay: of matrices; vectors, class token and position embedding have none.
        weight_decay_end: it moves there on half a cosine; default: it stays.
        decay_bias_tables: weight_decay acts on tables of relative positions too.
        betas: of adamw.
        eps: of adamw.
        momentum: of sgd and lars.
        clip_norm: largest global gradient norm; default: no clipping.
        clip_each: largest norm of the gradient of each parameter by itself; default: no clipping.
    """

    name: Literal["adamw", "sgd", "lars"] = "adamw"
    lr: float = 1e-3
    lr_base_size: Optional[int] = None
    layer_decay: Optional[float] = None
    layer_decay_floor: Literal["scaled", "authors"] = "scaled"
    weight_decay: float = 0.05
    weight_decay_end: Optional[float] = None
    decay_bias_tables: bool = False
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    momentum: float = 0.9
    clip_norm: Optional[float] = None
    clip_each: Optional[float] = None


@dataclass
class ScheduleConfig:
    """Learning rate over time.

    Attributes:
        name: cosine changes every step; authors_cosine every epoch, as the papers' code; constant
            after the warm-up.
        warmup_epochs: epochs of linear rise from warmup_lr.
        warmup_steps: the same in updates; give one of the two.
        warmup_lr: rate at the start of the warm-up.
        min_lr: rate at the end, and during the cool-down.
        cooldown_epochs: epochs at min_lr after the scheduled ones; they come on top of epochs.
        lag: updates by which the rates come late; 1 is Feature Distillation's code, whose first two
            updates have the same rate.
    """

    name: Literal["cosine", "authors_cosine", "constant"] = "cosine"
    warmup_epochs: float = 0.0
    warmup_steps: Optional[int] = None
    warmup_lr: float = 1e-7
    min_lr: float = 1e-8
    cooldown_epochs: int = 0
    lag: int = 0
