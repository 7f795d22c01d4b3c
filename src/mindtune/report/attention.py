"""What a ViT's class token looks at."""

from __future__ import annotations

from mindtune.report.run_files import RunFiles
from mindtune.report.section import Section


def attention(run: RunFiles) -> list[Section]:
    """Pictures of every ``--protocol pictures`` of a network that has a class token."""
    return [
        Section(f"Attention, {found['split']}", "attention", found["attention"], f"maps_{name}")
        for name, found in run.evaluations.items()
        if found.get("attention") and found.get("protocol") == "pictures"
    ]
