"""Random calls of the kernel of prototype rows, and the same in float64 by definition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from ops.arithmetic import Arithmetic
from ops.kernel_caller import Kernels


@dataclass(frozen=True)
class PrototypeRows:
    """A call: pairs of one of ``students`` and one of ``teachers``; every third counts nothing."""

    students: int
    teachers: int
    pairs: int
    prototypes: int
    dim: int
    student_temp: float = 0.1
    teacher_temp: float = 0.07
    seed: int = 0

    def inputs(self) -> tuple[np.ndarray, ...]:
        """In the order of the entry point."""
        rng = np.random.default_rng(self.seed)
        counts = self.students, self.prototypes, self.teachers, self.prototypes
        units = [rng.standard_normal((count, self.dim)) for count in counts]
        units = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in units]
        centre = 0.1 * rng.standard_normal((1, self.prototypes))
        floats = [*units, centre, np.array([self.student_temp]), np.array([self.teacher_temp])]
        rows = [rng.integers(0, count, self.pairs) for count in counts[::2]]
        weights = rng.uniform(-0.5, 1.5, self.pairs) * (np.arange(self.pairs) % 3 > 0)
        return (
            *(x.astype(np.float32) for x in floats),
            *(x.astype(np.int32) for x in rows),
            weights.astype(np.float32),
        )

    def found(self, kernels: Kernels) -> dict[str, np.ndarray]:
        inputs = self.inputs()
        shapes = (1,), inputs[0].shape, inputs[1].shape
        outputs = [np.full(shape, np.nan, np.float32) for shape in shapes]
        kernels.call("PrototypeRows", *inputs, *outputs)
        return dict(zip(("loss", "dstudent", "dprototypes"), outputs))

    def expected(self, at: Arithmetic) -> dict[str, np.ndarray]:
        """Whole arrays of logits."""
        *floats, student_rows, teacher_rows, weights = self.inputs()
        x, w, y, v, centre, own, other = (value.astype(np.float64) for value in floats)
        x, y, weights = x[student_rows], y[teacher_rows], weights.astype(np.float64)[:, None]
        log_p = _log_softmax(at.rounded(at.product(x, w.T) / own), at)
        log_t = _log_softmax(at.rounded(at.rounded(at.product(y, v.T) - centre) / other), at)
        p, t = at.rounded(np.exp(log_p)), at.rounded(np.exp(log_t))
        slopes = at.rounded((p - t) * at.rounded(weights / own))  # (R, K)
        dstudent = np.zeros((self.students, self.dim))
        np.add.at(dstudent, student_rows, at.product(slopes, w))
        return {
            "loss": at.total(-weights * t * log_p, (0, 1)).reshape(1),
            "dstudent": at.rounded(dstudent),
            "dprototypes": at.product(slopes.T, x),
        }


def _log_softmax(logits: np.ndarray, at: Arithmetic) -> np.ndarray:
    largest = logits.max(1, keepdims=True)
    sums = at.total(at.rounded(np.exp(at.rounded(logits - largest))), (1,))
    return at.rounded(logits - at.rounded(largest + np.log(sums)))


@st.composite
def prototype_rows(draw: st.DrawFn) -> PrototypeRows:
    return PrototypeRows(
        students=draw(st.integers(1, 12)),
        teachers=draw(st.integers(1, 12)),
        pairs=draw(st.integers(1, 40)),
        prototypes=draw(st.integers(1, 700)),
        dim=draw(st.integers(1, 40)),
        student_temp=draw(st.sampled_from([0.1, 1.0])),
        teacher_temp=draw(st.sampled_from([0.04, 0.3])),
        seed=draw(st.integers(0, 2**32 - 1)),
    )
