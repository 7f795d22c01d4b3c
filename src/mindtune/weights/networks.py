"""Several networks in one set of tensors: the trained one, and the others by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

_T = TypeVar("_T")
_WRAPPER = "module."  # data parallel


@dataclass(frozen=True)
class Networks:
    """How a training code names the networks that it saves together.

    Attributes:
        trained: beginning of the names of the one to take when nobody asks for another.
        others: beginnings of all other names.
    """

    trained: str
    others: tuple[str, ...]


_NETWORKS = (
    Networks("base_encoder.", ("momentum_encoder.", "predictor.")),  # MoCo v3
    Networks("encoder_q.", ("encoder_k.", "queue")),  # MoCo v1 and v2
    Networks("encoder.", ("decoder.", "feature_model.")),  # Feature Distillation, first phase
)


def trained_network(names: Iterable[str]) -> dict[str, str]:
    """Names of the trained network, each with the name that it has there.

    Files of one network come back whole, their names unchanged.
    """
    names = list(names)
    bare = {name: _unwrapped(name) for name in names}
    for networks in _NETWORKS:
        known = (networks.trained, *networks.others)
        start = len(networks.trained)
        found = {n: b[start:] for n, b in bare.items() if b.startswith(networks.trained)}
        if found and all(b.startswith(known) for b in bare.values()):
            return found
    return {name: name for name in names}


def network_by_key(tensors: Mapping[str, _T], key: str) -> dict[str, _T]:
    """The tensors below ``key``, such as ``momentum_encoder``, without it; empty: there are none.

    Args:
        tensors: by name, with or without the ``module.`` of data parallel training.
        key: one or more whole words of a name, dots between them.
    """
    prefix = f"{key}."
    bare = {_unwrapped(name): tensor for name, tensor in tensors.items()}
    return {name[len(prefix) :]: t for name, t in bare.items() if name.startswith(prefix)}


def _unwrapped(name: str) -> str:
    return name[len(_WRAPPER) :] if name.startswith(_WRAPPER) else name
