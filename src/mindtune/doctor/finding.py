"""What an examination yields: lines of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """How a finding bears on a run."""

    OK = "ok"
    NOTE = "note"  # runs do without, perhaps slower
    FAULT = "fault"  # runs will fail


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, what was found, and what to do where that is no good."""

    subject: str
    found: str
    state: State = State.OK
    cure: str = ""


@dataclass(frozen=True)
class Section:
    """Findings under one heading."""

    title: str
    findings: Sequence[Finding]
