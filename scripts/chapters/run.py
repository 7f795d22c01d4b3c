"""What a run or an evaluation left behind: its folder's name and its JSON files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindtune.errors import CheckpointError

RESULT = "result.json"


@dataclass(frozen=True)
class Run:
    """A finished run, or evaluations in a folder of their own.

    Attributes:
        name: of its folder.
        files: what its JSON files hold, by their names.
    """

    name: str
    files: Mapping[str, dict[str, Any]]

    @property
    def result(self) -> dict[str, Any]:
        """What training reports. Raises ``CheckpointError`` where the run has not finished."""
        if RESULT not in self.files:
            raise CheckpointError(
                f"{self.name}: got a folder without {RESULT}, expected a finished run; "
                "finish it with train.py --resume auto"
            )
        return self.files[RESULT]

    def evaluations(self, protocol: str) -> dict[str, dict[str, Any]]:
        """What eval.py reports by ``protocol``, by the names of the files."""
        start = f"eval_{protocol}_"
        return {name: found for name, found in self.files.items() if name.startswith(start)}


def read_run(folder: Path) -> Run:
    """The run in ``folder``.

    Raises:
        CheckpointError: there is none.
    """
    files = [f for f in sorted(folder.glob("*.json")) if f.name == RESULT or _is_evaluation(f.name)]
    if not files:
        raise CheckpointError(
            f"{folder}: got a folder without {RESULT} or eval_*.json, expected a finished run; "
            "finish it with train.py --resume auto"
        )
    found = {file.name: json.loads(file.read_text(encoding="utf-8")) for file in files}
    return Run(folder.resolve().name, found)


def _is_evaluation(name: str) -> bool:
    """Not the pictures of its errors."""
    return name.startswith("eval_") and not name.endswith("_errors.json")
