"""The typed configuration of a run: every key a recipe or the command line may set.

Keys are the argument names of what they configure; their meaning, shapes and sources stand there.
A file holds a group of keys.
"""

from __future__ import annotations

from mindtune.config.amu import DEFAULT_AUXILIARY, AmuConfig, AuxiliaryConfig
from mindtune.config.backbone import BackboneConfig
from mindtune.config.contrastive import ContrastiveConfig
from mindtune.config.data import AugmentConfig, DataConfig, PreprocessingConfig
from mindtune.config.distillation import DistillationConfig, TeacherConfig
from mindtune.config.evaluate import EvaluateConfig
from mindtune.config.evaluation import EvaluationConfig, ForgettingConfig, KNNConfig
from mindtune.config.export import ExportConfig
from mindtune.config.few_shot_clip import (
    FewShotClipConfig,
    HeadTrainingConfig,
    TipAdapterConfig,
)
from mindtune.config.head import (
    HeadConfig,
    IsqrtMomentHeadConfig,
    LinearHeadConfig,
    MomentHeadConfig,
)
from mindtune.config.optim import OptimConfig, ScheduleConfig
from mindtune.config.plain import flatten, from_plain
from mindtune.config.protocols import (
    DiagnoseConfig,
    FewShotConfig,
    PicturesConfig,
    ThroughputConfig,
)
from mindtune.config.run import RANDOM_WEIGHTS, DistributedConfig, RunConfig
from mindtune.config.self_distillation import (
    MasksConfig,
    ProjectionConfig,
    SelfDistillationConfig,
    ViewsConfig,
)
from mindtune.config.text import TextConfig
from mindtune.config.tuning import (
    BlockExpansionConfig,
    LoRAConfig,
    PSRPConfig,
    TopKConfig,
    TuningConfig,
)

__all__ = [
    "DEFAULT_AUXILIARY",
    "RANDOM_WEIGHTS",
    "AmuConfig",
    "AugmentConfig",
    "AuxiliaryConfig",
    "BackboneConfig",
    "BlockExpansionConfig",
    "ContrastiveConfig",
    "DataConfig",
    "DiagnoseConfig",
    "DistillationConfig",
    "DistributedConfig",
    "EvaluateConfig",
    "EvaluationConfig",
    "ExportConfig",
    "FewShotClipConfig",
    "FewShotConfig",
    "ForgettingConfig",
    "HeadConfig",
    "HeadTrainingConfig",
    "IsqrtMomentHeadConfig",
    "KNNConfig",
    "LinearHeadConfig",
    "LoRAConfig",
    "MasksConfig",
    "MomentHeadConfig",
    "OptimConfig",
    "PSRPConfig",
    "PicturesConfig",
    "PreprocessingConfig",
    "ProjectionConfig",
    "RunConfig",
    "ScheduleConfig",
    "SelfDistillationConfig",
    "TeacherConfig",
    "TextConfig",
    "ThroughputConfig",
    "TipAdapterConfig",
    "TopKConfig",
    "TuningConfig",
    "ViewsConfig",
    "flatten",
    "from_plain",
]
