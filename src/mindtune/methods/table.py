"""The methods by name."""

from __future__ import annotations

from collections.abc import Callable

from mindtune.errors import ConfigError
from mindtune.methods.amu import Amu
from mindtune.methods.contrastive import Contrastive
from mindtune.methods.feature_distillation import FeatureDistillation
from mindtune.methods.method import Method, RunContext
from mindtune.methods.self_distillation import Ibot, Smkd
from mindtune.methods.supervised import Supervised

MethodBuilder = Callable[[RunContext], Method]

_METHODS: dict[str, MethodBuilder] = {
    "supervised": Supervised,
    "feature_distillation": FeatureDistillation,
    "ibot": Ibot,
    "smkd": Smkd,
    "contrastive": Contrastive,
    "amu": Amu,
}


def register_method(name: str, build: MethodBuilder) -> None:
    """Make ``name`` a value of the key ``method``; a name is registered once.

    Args:
        name: what ``--method`` says.
        build: opens the data of a run and builds its network and objective.
    """
    if name in _METHODS:
        raise ValueError(f"method {name!r} is registered twice")
    _METHODS[name] = build


def list_methods() -> list[str]:
    """Registered names, sorted."""
    return sorted(_METHODS)


def method_builder(name: str) -> MethodBuilder:
    """What builds the method ``name``.

    Raises:
        ConfigError: unknown name; the known ones are given.
    """
    if name not in _METHODS:
        known = ", ".join(map(repr, _METHODS))
        raise ConfigError(f"method: got {name!r}, expected one of {known}")
    return _METHODS[name]
