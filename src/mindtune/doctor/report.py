"""The report as a screenful of text."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from mindtune.doctor.finding import Finding, Section, State

_STYLES = {State.OK: "green", State.NOTE: "yellow", State.FAULT: "bold red"}


def print_report(sections: Sequence[Section], console: Console) -> int:
    """Print every finding and a last line that sums them up; 1 with a fault among them, else 0."""
    findings = [finding for section in sections for finding in section.findings]
    width = max(len(finding.subject) for finding in findings)
    for section in sections:
        console.print(Text(section.title, style="bold"))
        for finding in section.findings:
            _print_finding(finding, width, console)
    faults = [finding.subject for finding in findings if finding.state is State.FAULT]
    if faults:
        text = Text(f"To mend before a run: {', '.join(faults)}.", style=_STYLES[State.FAULT])
    else:
        text = Text("All that a run needs works here.", style=_STYLES[State.OK])
    console.print(text, soft_wrap=True)
    return 1 if faults else 0


def _print_finding(finding: Finding, width: int, console: Console) -> None:
    state = (f"  {finding.state.value:5}  ", _STYLES[finding.state])
    line = Text.assemble(state, f"{finding.subject:{width}}  {finding.found}")
    console.print(line, soft_wrap=True)  # a line of the report stays a line for grep
    if finding.cure:
        console.print(Text(f"{'':{width + 9}}  cure: {finding.cure}"), soft_wrap=True)
