"""Which of the tensors in a torch training checkpoint are the weights."""

from __future__ import annotations

from typing import Any

from mindtune.errors import nearest
from mindtune.weights.networks import network_by_key
from mindtune.weights.torch_objects import Opaque, StoredTensor
from mindtune.weights.weight_file import MalformedError

PREFERRED_KEYS = ("state_dict", "model", "module")
_SAVE_STATE_DICT = "save model.state_dict() with torch.save where the file was made"

StateDict = dict[str, StoredTensor]


def choose_state_dict(content: object, key: str | None) -> tuple[str, StateDict]:
    """The state dict named ``key``, or without a key the only or the usual one.

    Without a key: ``state_dict``, ``model`` or ``module``, in this order; else a dict which holds
    tensors itself; else the only entry which does. Entries which are no tensors are left out. A key
    may also name one of the networks which a state dict holds side by side, such as
    ``momentum_encoder``. A tensor alone is taken for the ``weight`` of a linear layer.

    Returns:
        The chosen key (empty for a bare state dict) and its tensors.

    Raises:
        MalformedError: unknown key, no tensors, or several candidates and no key.
    """
    if isinstance(content, StoredTensor) and key is None:
        return "", {"weight": content}
    if not isinstance(content, dict):
        raise MalformedError(
            f"holds {_kind(content)}, expected a dict of tensors; {_SAVE_STATE_DICT}"
        )
    candidates = {
        name: tensors
        for name, value in content.items()
        if isinstance(name, str) and (tensors := _tensors(value))
    }
    if key is None:
        return _by_default(content, candidates)
    if key in candidates:
        return key, candidates[key]
    return key, _network(content, candidates, key)


def describe_checkpoint(content: object) -> dict[str, str]:
    """Plain values beside the weights (epoch, arch, metric, ...) as text."""
    if not isinstance(content, dict):
        return {}
    return {
        name: str(value)
        for name, value in content.items()
        if isinstance(name, str) and isinstance(value, (str, int, float))
    }


def _tensors(value: object) -> StateDict:
    if not isinstance(value, dict):
        return {}
    return {
        name: tensor
        for name, tensor in value.items()
        if isinstance(name, str) and isinstance(tensor, StoredTensor)
    }


def _by_default(content: dict[Any, Any], candidates: dict[str, StateDict]) -> tuple[str, StateDict]:
    for usual in PREFERRED_KEYS:
        if usual in candidates:
            return usual, candidates[usual]
    if not candidates:
        return "", _bare(content)
    if len(candidates) > 1:
        raise MalformedError(_ambiguous(candidates))
    return next(iter(candidates.items()))


def _network(content: dict[Any, Any], candidates: dict[str, StateDict], key: str) -> StateDict:
    """The network ``key`` inside the state dict which is the default."""
    several = len(candidates) > 1 and not set(PREFERRED_KEYS).intersection(candidates)
    default = {} if several else _by_default(content, candidates)[1]
    found = network_by_key(default, key)
    if found:
        return found
    if not candidates:
        raise MalformedError(
            f"has no entry {key!r}: it holds one state dict without a name; leave "
            "--pretrained_key out"
        )
    raise MalformedError(
        f"--pretrained_key: got {key!r}, expected a state dict of it{nearest(key, candidates)}"
    )


def _bare(content: dict[Any, Any]) -> StateDict:
    tensors = _tensors(content)
    if tensors:
        return tensors
    names = ", ".join(f"{name!r}: {_kind(value)}" for name, value in list(content.items())[:8])
    raise MalformedError(f"holds no dict of tensors, only {{{names}}}; {_SAVE_STATE_DICT}")


def _ambiguous(candidates: dict[str, StateDict]) -> str:
    by_size = sorted(candidates, key=lambda name: -len(candidates[name]))
    listed = ", ".join(f"{name} ({len(candidates[name])} tensors)" for name in by_size)
    example = "teacher" if "teacher" in candidates else by_size[0]
    return (
        f"holds several state dicts: {listed}; choose one, for example --pretrained_key {example}"
    )


def _kind(value: object) -> str:
    if isinstance(value, Opaque):
        return f"a pickled object of class {value.name}"
    if isinstance(value, StoredTensor):
        return "one tensor"
    return f"a {type(value).__name__}"
