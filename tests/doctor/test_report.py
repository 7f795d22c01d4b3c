from __future__ import annotations

import io

import pytest
from rich.console import Console

from mindtune.doctor.finding import Finding, Section, State
from mindtune.doctor.report import print_report

LONG = "x" * 300


def printed(*findings: Finding, **options: object) -> tuple[int, str]:
    console = Console(file=io.StringIO(), width=80, highlight=False, **options)
    code = print_report([Section("Title", findings)], console)
    return code, console.file.getvalue()


@pytest.mark.parametrize(
    ("states", "code", "last"),
    [
        ((State.OK, State.NOTE), 0, "All that a run needs works here."),
        ((State.FAULT, State.OK, State.FAULT), 1, "To mend before a run: s0, s2."),
    ],
)
def test_faults_alone_give_exit_code_1(states, code, last):
    found, text = printed(*(Finding(f"s{i}", "f", state) for i, state in enumerate(states)))
    assert found == code
    assert text.splitlines()[-1] == last


def test_a_line_a_finding_and_a_line_a_cure_however_long():
    _, text = printed(
        Finding("a", LONG), Finding("long", "b", State.NOTE, f"pip install c[d] {LONG}")
    )
    assert text.splitlines()[:4] == [
        "Title",
        f"  ok     a     {LONG}",
        "  note   long  b",
        f"               cure: pip install c[d] {LONG}",
    ]


def test_colours_on_a_terminal_only():
    assert "\x1b" not in printed(Finding("a", "b"))[1]
    assert "\x1b[32m" in printed(Finding("a", "b"), force_terminal=True, color_system="standard")[1]
