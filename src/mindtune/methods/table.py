"""The methods by name."""

from __future__ import annotations

from collections.abc import Callable

from mindtune.methods.amu import Amu
from mindtune.methods.contrastive import Contrastive
from mindtune.methods.feature_distillation import FeatureDistillation
from mindtune.methods.method import Method, RunContext
from mindtune.methods.self_distillation import Ibot, Smkd
from mindtune.methods.supervised import Supervised

METHODS: dict[str, Callable[[RunContext], Method]] = {
    "supervised": Supervised,
    "feature_distillation": FeatureDistillation,
    "ibot": Ibot,
    "smkd": Smkd,
    "contrastive": Contrastive,
    "amu": Amu,
}
