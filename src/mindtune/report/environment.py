"""What a run was made with, and how to make it again."""

from __future__ import annotations

from dataclasses import dataclass

from mindtune.report.run_files import RunFiles
from mindtune.report.section import Section


@dataclass(frozen=True)
class Environment:
    """The command, and names and values in two columns."""

    command: str
    rows: list[tuple[str, str]]


def environment(run: RunFiles) -> Section | None:
    """Versions, ranks, device."""
    result = run.result or next(iter(run.evaluations.values()), {})
    if not result:
        return None
    rows = [(name, str(version)) for name, version in result.get("versions", {}).items()]
    rows += [
        ("device", run.config.get("device_target", "")),
        ("ranks", str(result.get("ranks", ""))),
    ]
    known = [(name, value) for name, value in rows if value]
    return Section("Environment", "environment", Environment(result.get("command", ""), known))
