"""The figures of every evaluation, whatever its protocol."""

from __future__ import annotations

from typing import Any

from mindtune.report.run_files import RunFiles
from mindtune.report.section import Section


def evaluations(run: RunFiles) -> Section | None:
    """A table a result file of eval.py."""
    tables = [
        {
            "name": name,
            "protocol": found.get("protocol", ""),
            "weights": found.get("weights") or "",
            "metrics": [(key, _text(value)) for key, value in _flat(found.get("metrics", {}))],
        }
        for name, found in run.evaluations.items()
        if found.get("protocol") != "pictures"
    ]
    return Section("Evaluations", "evaluations", tables) if tables else None


def _flat(metrics: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs = []
    for key, value in metrics.items():
        if isinstance(value, dict):
            pairs += _flat(value, f"{prefix}{key} ")
        else:
            pairs.append((f"{prefix}{key}", value))
    return pairs


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
