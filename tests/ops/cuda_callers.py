"""Calls the CUDA operators through their C entry points, on a GPU or emulated on the CPU."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

TYPE_NAMES = {
    "float32": b"float32",
    "int32": b"int32",
    "float16": b"float16",
    "uint16": b"bfloat16",
}
GUARD = 64  # entries on either side of an array that nothing may write


def as_bfloat16(values: np.ndarray) -> np.ndarray:
    """The bits of values rounded to nearest, ties to even."""
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def from_bfloat16(bits: np.ndarray) -> np.ndarray:
    return (bits.astype(np.uint32) << 16).view(np.float32)


ENCODE = {"float32": np.float32, "float16": np.float16, "bfloat16": as_bfloat16}
# Of a gradient, relative to the largest: half a unit in the last place, and the float32 before it.
ROUNDING = {"float32": 1e-5, "float16": 2**-11 + 1e-5, "bfloat16": 2**-8 + 1e-5}


def decoded(array: np.ndarray) -> np.ndarray:
    return from_bfloat16(array) if array.dtype == np.uint16 else array.astype(np.float64)


def assert_near(found: np.ndarray, expected: np.ndarray, relative: float) -> None:
    error = np.abs(decoded(found) - expected).max()
    assert error <= relative * np.abs(expected).max()


def has_driver() -> bool:
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


class Memory(Protocol):
    def put(self, array: np.ndarray) -> int: ...

    def take(self, address: int, array: np.ndarray) -> None: ...


class HostMemory:
    """The arrays themselves: the emulated kernels work on them in place."""

    def put(self, array: np.ndarray) -> int:
        return array.ctypes.data

    def take(self, address: int, array: np.ndarray) -> None:
        pass


class GpuMemory:
    """Copies in the memory of the first GPU, through NVIDIA's driver."""

    def __init__(self) -> None:
        self.driver = ctypes.CDLL("libcuda.so.1")
        self._call("cuInit", 0)
        device, context = ctypes.c_int(), ctypes.c_void_p()
        self._call("cuDeviceGet", ctypes.byref(device), 0)
        # The context that CUDA's runtime library, inside the kernels' library, uses too.
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        self._call("cuCtxSetCurrent", context)

    def put(self, array: np.ndarray) -> int:
        address, size = ctypes.c_uint64(), ctypes.c_size_t(array.nbytes)
        self._call("cuMemAlloc_v2", ctypes.byref(address), size)
        self._call("cuMemcpyHtoD_v2", address, ctypes.c_void_p(array.ctypes.data), size)
        return address.value

    def take(self, address: int, array: np.ndarray) -> None:
        """Waits for the kernels, which run on the default stream."""
        at, size = ctypes.c_uint64(address), ctypes.c_size_t(array.nbytes)
        self._call("cuMemcpyDtoH_v2", ctypes.c_void_p(array.ctypes.data), at, size)
        self._call("cuMemFree_v2", at)

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self.driver, name)(*arguments)
        if status != 0:
            raise OSError(f"{name}: CUDA error {status}")


class OperatorError(Exception):
    """What the operator threw."""


class Operators:
    """``operators(name, inputs, outputs)`` fills the outputs and checks what lies around them."""

    def __init__(self, library: Path, caller: ctypes.CDLL, memory: Memory) -> None:
        self.library = ctypes.CDLL(str(library))
        self.caller = caller
        self.caller.call_operator.restype = ctypes.c_char_p
        self.memory = memory

    def __call__(
        self, name: str, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
    ) -> None:
        arrays = [*inputs, *outputs]
        guarded = [_guarded(a) for a in arrays]
        before = [g.tobytes() for g in guarded]
        addresses = [self.memory.put(g) for g in guarded]
        try:
            self._call(name, arrays, addresses)
        finally:
            for address, g in zip(addresses, guarded):
                self.memory.take(address, g)
        for g, old in zip(guarded[: len(inputs)], before):
            assert g.tobytes() == old, f"{name} wrote to an input"
        for g, old, out in zip(guarded[len(inputs) :], before[len(inputs) :], outputs):
            edge = GUARD * out.itemsize
            assert g.tobytes()[:edge] == old[:edge], f"{name} wrote before an output"
            assert g.tobytes()[-edge:] == old[-edge:], f"{name} wrote behind an output"
            out[...] = g[GUARD:-GUARD].reshape(out.shape)

    def _call(self, name: str, arrays: list[np.ndarray], addresses: list[int]) -> None:
        count = len(arrays)
        shapes = [(ctypes.c_int64 * a.ndim)(*a.shape) for a in arrays]
        status = ctypes.c_int()
        message = self.caller.call_operator(
            ctypes.cast(getattr(self.library, name), ctypes.c_void_p),
            count,
            # The arrays lie behind their guards.
            (ctypes.c_void_p * count)(
                *[at + GUARD * a.itemsize for at, a in zip(addresses, arrays)]
            ),
            (ctypes.c_int * count)(*[a.ndim for a in arrays]),
            (ctypes.c_void_p * count)(*[ctypes.addressof(s) for s in shapes]),
            (ctypes.c_char_p * count)(*[TYPE_NAMES[str(a.dtype)] for a in arrays]),
            ctypes.byref(status),
        )
        if message is not None:
            raise OperatorError(message.decode())
        assert status.value == 0


def _guarded(array: np.ndarray) -> np.ndarray:
    """With all-ones bits around it, a NaN in every float type."""
    size = array.nbytes + 2 * GUARD * array.itemsize
    raw = np.full(size, 0xFF, np.uint8).view(array.dtype)
    raw[GUARD : GUARD + array.size] = array.ravel()
    return raw
