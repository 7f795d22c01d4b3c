"""Keys of a training run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Optional

from mindtune.config.amu import AmuConfig
from mindtune.config.backbone import BackboneConfig
from mindtune.config.contrastive import ContrastiveConfig
from mindtune.config.data import AugmentConfig, DataConfig, PreprocessingConfig
from mindtune.config.distillation import DistillationConfig, TeacherConfig
from mindtune.config.evaluation import EvaluationConfig, ForgettingConfig, KNNConfig
from mindtune.config.head import HeadConfig
from mindtune.config.optim import OptimConfig, ScheduleConfig
from mindtune.config.self_distillation import SelfDistillationConfig
from mindtune.config.text import TextConfig
from mindtune.config.tuning import TuningConfig

RANDOM_WEIGHTS = "random"  # in the place of a weight file


@dataclass
class DistributedConfig:
    """Several processes training one model, see docs/distributed.md.

    Attributes:
        timeout: seconds after which a rank or scheduler that is missing or does not stop is an
            error.
        message_mb: gradients are averaged in messages of about this many MiB.
    """

    timeout: int = 60
    message_mb: float = 32.0


@dataclass
class RunConfig:
    """One run: what trains, on what, how, and where its folder is.

    Attributes:
        method: supervised trains backbone and head on labels; feature_distillation trains the
            backbone alone to follow a teacher; ibot trains it without labels to follow its own
            average, smkd with labels; contrastive trains a CLIP from images and class names; amu
            adds to a CLIP what other networks see in a few images; others may be registered.
        seed: of initial weights, data order, augmentation and drop path.
        device_target: CPU, GPU or Ascend.
        pretrained: weight file or run folder to start from; random, or nothing: the weights that
            seed draws (of methods amu and protocol few_shot only where random is said).
        pretrained_key: which network of the weight file, such as state_dict_ema or teacher.
        adapter: folder of a LoRA adapter of Hugging Face's PEFT, put on the weights of pretrained:
            merged into them, or with tuning lora beside them.
        position_resize: how a position embedding of another image size is resampled; bicubic as
            timm before 0.9, antialias as timm since, scale as DINO, iBOT and SMKD.
        out: run folder; default: runs/ and the name of the recipe.
        resume: auto continues the run folder where there is one; or the path of a run folder or
            checkpoint.
        overwrite: replace a run that is already in the run folder.
        epochs: passes over the training images, cool-down not counted; default: 30, where steps
            is not given.
        steps: updates in all, over as many epochs as they take; in place of epochs.
        batch_size: images a step and device.
        accumulate: steps whose gradients are averaged before one update.
        recompute: forget what the blocks of the backbone computed, and compute it again for the
            gradients: less memory for more time.
        max_steps: stop every epoch after this many updates.
        precision: fp32, or fp16 with dynamic loss scaling or bf16 where the device has them.
        ema_decay: decay of the weight average that is evaluated and saved as best; default: none.
        checkpoint_every: updates between checkpoints inside an epoch, or between evaluations
            with steps; 0: at the ends only.
        log_every: updates between progress lines.
        tensorboard: write TensorBoard events too.
        launcher: command that starts the ranks, for restart_on_failure; see docs/distributed.md.
        restart_on_failure: times that a run which failed is started again from its last
            checkpoint.
    """

    method: str = "supervised"
    seed: int = 42
    device_target: Literal["CPU", "GPU", "Ascend"] = "CPU"
    pretrained: Optional[str] = None
    pretrained_key: Optional[str] = None
    adapter: Optional[str] = None
    position_resize: Literal["bicubic", "antialias", "scale"] = "bicubic"
    out: Optional[str] = None
    resume: Optional[str] = None
    overwrite: bool = False
    epochs: Optional[int] = None
    steps: Optional[int] = None
    batch_size: int = 64
    accumulate: int = 1
    recompute: bool = False
    max_steps: Optional[int] = None
    precision: Literal["fp32", "fp16", "bf16"] = "fp32"
    ema_decay: Optional[float] = None
    checkpoint_every: int = 0
    log_every: int = 10
    tensorboard: bool = False
    launcher: Optional[str] = None
    restart_on_failure: int = 0
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    tuning: TuningConfig = field(default_factory=TuningConfig)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    self_distillation: SelfDistillationConfig = field(default_factory=SelfDistillationConfig)
    text: TextConfig = field(default_factory=TextConfig)
    contrastive: ContrastiveConfig = field(default_factory=ContrastiveConfig)
    amu: AmuConfig = field(default_factory=AmuConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    data: DataConfig = field(default_factory=DataConfig)
    preprocessing: PreprocessingConfig = field(default_factory=PreprocessingConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    knn: KNNConfig = field(default_factory=KNNConfig)
    forgetting: ForgettingConfig = field(default_factory=ForgettingConfig)
    distributed: DistributedConfig = field(default_factory=DistributedConfig)
