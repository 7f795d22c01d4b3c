"""The images that a classifier is surest of, and wrong."""

from __future__ import annotations

from mindtune.report.run_files import Judged
from mindtune.report.section import Section


def errors(judged: Judged) -> Section | None:
    """Pictures as train.py or eval.py kept them."""
    if not judged.errors:
        return None
    title, anchor = f"Most confident errors, {judged.name}", f"errors_{judged.name}"
    return Section(title, "errors", judged.errors, anchor)
