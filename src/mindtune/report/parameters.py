"""What of the network trained."""

from __future__ import annotations

from mindtune.report.run_files import RunFiles
from mindtune.report.section import Section


def parameters(run: RunFiles) -> Section | None:
    """The table of groups; an older run's has only its last row."""
    counts = run.result.get("parameters")
    if counts is None:
        return None
    rows = [*counts.get("groups", []), {"group": "all", **counts}]
    table = [
        {
            "group": row["group"],
            "trainable": f"{row['trainable']:,}",
            "total": f"{row['total']:,}",
            "percent": 100 * row["trainable"] / row["total"] if row["total"] else 0.0,
        }
        for row in rows
    ]
    return Section("Parameters", "parameters", table)
