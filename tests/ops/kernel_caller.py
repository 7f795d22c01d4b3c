"""The kernels by their C entry points, without MindSpore.

``MINDTUNE_KERNEL_LIBRARY`` names another library than the one built for the package: that of
scripts/sanitize_kernels.sh.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import resource
import threading
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

_KERNELS = Path(__file__).parents[2] / "src" / "mindtune" / "ops" / "kernels"
LIBRARY = Path(os.environ.get("MINDTUNE_KERNEL_LIBRARY") or _KERNELS / "libmindtune_kernels.so")
EPS = np.array([1e-5, 1e-12], np.float32)
needs_kernels = pytest.mark.skipif(not LIBRARY.exists(), reason="the kernels are not built")


def _instruction_sets() -> list[str]:
    flags = Path("/proc/cpuinfo").read_text().split()
    found = ["portable"]
    if {"avx2", "fma"} <= set(flags):
        found.append("avx2")
    if "avx512f" in flags:
        found.append("avx512")
    return found


INSTRUCTION_SETS = _instruction_sets()


def _arguments(arrays: tuple[np.ndarray, ...]) -> tuple:
    assert all(a.flags.c_contiguous for a in arrays)
    count = len(arrays)
    shapes = [(ctypes.c_int64 * a.ndim)(*a.shape) for a in arrays]
    return (
        count,
        (ctypes.c_void_p * count)(*[a.ctypes.data for a in arrays]),
        (ctypes.c_int * count)(*[a.ndim for a in arrays]),
        (ctypes.POINTER(ctypes.c_int64) * count)(
            *[ctypes.cast(shape, ctypes.POINTER(ctypes.c_int64)) for shape in shapes]
        ),
        (ctypes.c_char_p * count)(*[a.dtype.name.encode() for a in arrays]),
        None,
        None,
    )


def refusal(symbol: str, *arrays: np.ndarray) -> str:
    """What a refused call says. Nothing here catches a C++ exception, so a child dies of it."""
    arguments = _arguments(arrays)
    function = getattr(Kernels().library, symbol)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        faulthandler.disable()  # pytest's, which would print where
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.dup2(writer, 2)
        function(*arguments)
        os._exit(0)
    os.close(writer)
    with open(reader) as said:
        message = said.read()
    assert os.waitpid(child, 0)[1] != 0, "the call was not refused"
    return message


class Kernels:
    """Calls with one instruction set and number of threads.

    ``fresh`` calls from a Python thread of its own, whose working memory is no larger than the call
    needs and holds nothing of an earlier one.
    """

    def __init__(
        self, instruction_set: str = "portable", threads: int = 1, fresh: bool = False
    ) -> None:
        self.library = ctypes.CDLL(str(LIBRARY))
        self.environment = {"MINDTUNE_INSTRUCTION_SET": instruction_set}
        self.threads = threads
        self.fresh = fresh

    def name(self) -> str:
        function = self.library.InstructionSetName
        function.restype = ctypes.c_char_p
        with mock.patch.dict(os.environ, self.environment):
            return function().decode()

    def call(self, symbol: str, *arrays: np.ndarray) -> None:
        """Inputs, then outputs, as MindSpore passes them. A refused argument ends the process."""
        results = []

        def run() -> None:
            before = self.library.omp_get_max_threads()
            self.library.omp_set_num_threads(self.threads)
            results.append(getattr(self.library, symbol)(*_arguments(arrays)))
            self.library.omp_set_num_threads(before)

        with mock.patch.dict(os.environ, self.environment):
            if self.fresh:
                worker = threading.Thread(target=run)
                worker.start()
                worker.join()
            else:
                run()
        assert results == [0]

    def pool(
        self,
        tokens: np.ndarray,
        weight: np.ndarray,
        bias: np.ndarray,
        plan: np.ndarray,
        dmaps: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """MomentPooling and its gradient."""
        inputs = (tokens, weight, bias, plan, EPS)
        maps = np.full_like(dmaps, np.nan)
        norms = np.full((*dmaps.shape[:2], dmaps.shape[3]), np.nan, np.float32)
        self.call("MomentPooling", *inputs, maps, norms)
        dtokens, dweight, dbias = (np.full_like(x, np.nan) for x in (tokens, weight, bias))
        self.call("MomentPoolingGradient", *inputs, maps, norms, dmaps, dtokens, dweight, dbias)
        return {"maps": maps, "dtokens": dtokens, "dweight": dweight, "dbias": dbias}

    def cross(
        self, heads: np.ndarray, plan: np.ndarray, dmaps: np.ndarray
    ) -> dict[str, np.ndarray]:
        """CrossCovariance and its gradient."""
        maps, dheads = np.full_like(dmaps, np.nan), np.full_like(heads, np.nan)
        self.call("CrossCovariance", heads, plan, maps)
        self.call("CrossCovarianceGradient", heads, plan, dmaps, dheads)
        return {"maps": maps, "dheads": dheads}

    def square_root(
        self, tokens: np.ndarray, steps: int, dtriangles: np.ndarray
    ) -> dict[str, np.ndarray]:
        """SquareRootCovariance and its gradient."""
        batch, _, dim = tokens.shape
        iterates = np.full((batch, 2 * steps - 1, dim, dim), np.nan, np.float32)
        triangles, dtokens = np.full_like(dtriangles, np.nan), np.full_like(tokens, np.nan)
        plan = np.zeros(2 * steps - 1, np.int32)
        self.call("SquareRootCovariance", tokens, plan, triangles, iterates)
        self.call("SquareRootCovarianceGradient", tokens, triangles, iterates, dtriangles, dtokens)
        return {"triangles": triangles, "dtokens": dtokens}

    def shrink(
        self, maps: np.ndarray, first: np.ndarray, second: np.ndarray, dshrunk: np.ndarray
    ) -> dict[str, np.ndarray]:
        """ShrinkMaps and its gradient."""
        shrunk = np.full_like(dshrunk, np.nan)
        self.call("ShrinkMaps", maps, first, second, shrunk)
        dmaps, dfirst, dsecond = (np.full_like(x, np.nan) for x in (maps, first, second))
        inputs = (maps, first, second, dshrunk)
        self.call("ShrinkMapsGradient", *inputs, dmaps, dfirst, dsecond)
        return {"shrunk": shrunk, "dmaps": dmaps, "dfirst": dfirst, "dsecond": dsecond}


def plan_of(pairs: list[tuple[int, int]], split: str, centering: str) -> np.ndarray:
    options = [
        ("contiguous", "strided").index(split),
        ("none", "scalar", "channel").index(centering),
    ]
    return np.array([*options, *np.ravel(pairs)], np.int32)
