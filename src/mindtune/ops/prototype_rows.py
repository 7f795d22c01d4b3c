"""The compiled form of the cross-entropy between distributions over prototypes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from mindtune.ops.kernel_library import Kernel, compiled


def _loss_and_gradients(student: list, prototypes: list, *_: list) -> tuple:
    return [1], student, prototypes


def _like_first(first: Any, *_: Any) -> tuple:
    return first, first, first


@cache
def prototype_rows_kernel(library: Path) -> Kernel:
    """The loss (1,) of listed pairs of rows, and its gradients (S, D) and (K, D), float32.

    Inputs: student (S, D), prototypes (K, D), teacher (T, D), teacher_prototypes (K, D), centre
    (1, K), the temperatures of student (1,) and teacher (1,), student_rows (R,), teacher_rows (R,)
    and weights (R,); pairs of weight 0 are left out. It has no gradient of its own: the loss brings
    it along. At most 256 rows have logits at a time, fewer where there are above 8192 prototypes.
    """
    return compiled(library, "PrototypeRows", _loss_and_gradients, _like_first)
