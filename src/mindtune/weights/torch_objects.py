"""What may stand in a torch pickle: tensors not yet read, and names that stay names."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mindtune.weights.elements import check_shape
from mindtune.weights.weight_file import MalformedError

STORAGE_ELEMENTS = {
    "torch.FloatStorage": "float32",
    "torch.HalfStorage": "float16",
    "torch.BFloat16Storage": "bfloat16",
    "torch.DoubleStorage": "float64",
    "torch.LongStorage": "int64",
    "torch.IntStorage": "int32",
    "torch.ShortStorage": "int16",
    "torch.CharStorage": "int8",
    "torch.ByteStorage": "uint8",
    "torch.BoolStorage": "bool",
}

# Called in honest training checkpoints for values that are no weights: the call is not made and an
# ``Opaque`` takes the place of its result.
_INERT_CALLS = frozenset(
    [
        "_codecs.encode",
        "argparse.Namespace",
        "builtins.bytearray",
        "builtins.complex",
        "builtins.frozenset",
        "builtins.set",
        "builtins.slice",
        "collections.Counter",
        "collections.defaultdict",
        "collections.deque",
        "copyreg._reconstructor",
        "datetime.date",
        "datetime.datetime",
        "datetime.timedelta",
        "functools.partial",
        "numpy._core.multiarray._reconstruct",
        "numpy._core.multiarray.scalar",
        "numpy._core.numeric._frombuffer",
        "numpy.core.multiarray._reconstruct",
        "numpy.core.multiarray.scalar",
        "numpy.core.numeric._frombuffer",
        "numpy.dtype",
        "pathlib.PosixPath",
        "pathlib.PurePosixPath",
        "pathlib.PureWindowsPath",
        "pathlib.WindowsPath",
        "pathlib._local.PosixPath",
        "torch.Size",
        "torch.device",
    ]
)
_MAX_ARGUMENTS = 7  # those of _rebuild_tensor_v2
_PYTHON_2_MODULES = {"__builtin__": "builtins", "copy_reg": "copyreg"}


@dataclass(frozen=True)
class Global:
    """A name that the pickle refers to; never looked up, let alone imported."""

    name: str


@dataclass(frozen=True)
class Opaque:
    """In the place of an object of class or function ``name``: holds nothing, does nothing."""

    name: str


@dataclass
class ScriptModule:
    """A module of a TorchScript archive: its class is only a name, its attributes are kept."""

    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Storage:
    """A run of ``count`` elements kept in the container under ``key``."""

    key: str
    element: str
    count: int


@dataclass(frozen=True)
class StoredTensor:
    """A strided view of a storage; offset and strides in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def view(self, flat: np.ndarray, name: str) -> np.ndarray:
        """The tensor as a view of its storage's elements ``flat`` (n,).

        Raises:
            MalformedError: it reaches outside its storage, or repeats elements (an expanded view
                could claim any amount of memory).
        """
        check_shape(self.shape, name)
        size = math.prod(self.shape)
        if size == 0:
            return np.zeros(self.shape, flat.dtype)
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides))
        if last >= len(flat) or size > len(flat):
            raise MalformedError(
                f"tensor {name!r}: shape {self.shape} with strides {self.strides} from element "
                f"{self.offset} does not lie within its storage of {len(flat)} elements; refused"
            )
        steps = [s * flat.itemsize for s in self.strides]
        return np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, steps)


def named(module: str, name: str) -> Global:
    """The global ``module.name`` under its Python 3 spelling."""
    return Global(f"{_PYTHON_2_MODULES.get(module, module)}.{name}")


def storage(persistent_id: object) -> Storage | Opaque:
    """What a persistent id of a torch pickle stands for.

    Raises:
        MalformedError: a storage of an unknown kind or element type.
    """
    if isinstance(persistent_id, tuple) and persistent_id[:1] == ("module",):
        return Opaque("torch.nn.Module")  # the source text of a pickled module (torch < 1.6)
    if not isinstance(persistent_id, tuple) or len(persistent_id) < 5:
        raise MalformedError("its pickle refers to an unknown kind of outside object; refused")
    tag, kind, key, _, count = persistent_id[:5]
    is_view = len(persistent_id) > 5 and persistent_id[5] is not None  # torch < 0.4
    known = isinstance(kind, Global) and isinstance(key, (str, int)) and _is_size(count)
    if tag != "storage" or is_view or not known:
        raise MalformedError("its pickle refers to an unknown kind of storage; refused")
    if kind.name not in STORAGE_ELEMENTS:
        raise MalformedError(
            f"holds a {kind.name}, expected one of {', '.join(STORAGE_ELEMENTS)}; convert the "
            "tensors to float32 before saving"
        )
    return Storage(str(key), STORAGE_ELEMENTS[kind.name], count)


def call(function: object, arguments: object) -> Any:
    """The value of ``function(*arguments)`` for the few functions that make tensors and containers.

    Raises:
        MalformedError: any other function, named in the message. It is not executed.
    """
    if not isinstance(function, Global) or not isinstance(arguments, tuple):
        raise MalformedError("its pickle is damaged: it calls something which is no function")
    if function.name in _CALLS:
        return _CALLS[function.name](*_at_most(arguments))
    if function.name in _INERT_CALLS:
        return Opaque(function.name)
    raise MalformedError(
        f"its pickle asks to call {function.name}, which no weights need; refused, and nothing was "
        "executed. If you trust the file, save its state dict alone (torch.save(state_dict, ...) "
        "or safetensors) where it was made"
    )


def _at_most(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(arguments) > _MAX_ARGUMENTS:
        raise MalformedError("its pickle is damaged: too many arguments to a torch function")
    return arguments


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _rebuild_tensor(
    base: object = None, offset: Any = None, shape: Any = None, strides: Any = None, *_: object
) -> StoredTensor:
    """torch._utils._rebuild_tensor and _v2; gradients, hooks and metadata are left out."""
    sizes_given = isinstance(shape, tuple) and isinstance(strides, tuple)
    if not isinstance(base, Storage) or not sizes_given or len(shape) != len(strides):
        raise MalformedError("its pickle is damaged: a tensor without storage or shape")
    if not all(_is_size(value) for value in (offset, *shape, *strides)):
        raise MalformedError("its pickle is damaged: a tensor of impossible shape or strides")
    return StoredTensor(base, offset, shape, strides)


def _rebuild_parameter(data: object = None, *_: object) -> object:
    return data


def _rebuild_from_type(
    function: object = None, kind: object = None, arguments: Any = None, *_: object
) -> StoredTensor:
    """A tensor subclass, or a tensor with attributes: the plain tensor in it."""
    if function != Global("torch._utils._rebuild_tensor_v2") or not isinstance(arguments, tuple):
        raise MalformedError("its pickle rebuilds a tensor by an unknown function; refused")
    return _rebuild_tensor(*_at_most(arguments))


def _ordered_dict(items: object = (), *_: object) -> dict[Any, Any]:
    if not isinstance(items, (list, tuple)):
        raise MalformedError("its pickle is damaged: an OrderedDict of something else than pairs")
    pairs = [item for item in items if isinstance(item, (list, tuple)) and len(item) == 2]
    return {key: value for key, value in pairs if isinstance(key, (str, int))}


_CALLS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _ordered_dict,
    "torch._tensor._rebuild_from_type_v2": _rebuild_from_type,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": _rebuild_parameter,
    "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
}
