"""Whether contestants compute the same, judged by NumPy in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from second_order import numpy_forms
from second_order.cases import Problem
from second_order.contestants import Contestant

LARGEST_ERROR = 5e-5  # of an output or gradient, in terms of its own largest element


def check(problem: Problem, contestants: list[Contestant]) -> float:
    """Largest error of all contestants, forward and backward.

    Raises:
        ValueError: one of them computes something else.
    """
    wide = {name: values.astype(np.float64) for name, values in problem.inputs.items()}
    output, gradients = numpy_forms.run(problem, wide, problem.gradient.astype(np.float64))
    expected = [output, output, *(gradients[name] for name in problem.trained)]
    parts = ["forward", "output", *problem.trained]
    worst = 0.0
    for contestant in contestants:
        again, found = contestant.both()
        values = [contestant.forward(), again, *found]
        for part, value, right in zip(parts, map(_to_numpy, values), expected):
            error = float(np.abs(value - right).max() / np.abs(right).max())
            if not error <= LARGEST_ERROR:
                raise ValueError(
                    f"{problem.case}, batch {problem.batch}, {contestant.name}: {part} is "
                    f"{error:.1e} from float64 NumPy, expected at most {LARGEST_ERROR:.0e}"
                )
            worst = max(worst, error)
    return worst


def _to_numpy(value: Any) -> np.ndarray:
    return value if isinstance(value, np.ndarray) else value.detach().numpy()
