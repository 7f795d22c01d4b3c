"""The command ``mindtune`` and its table of sub-commands."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from mindtune import __version__
from mindtune.console import SUB_COMMANDS, main

INSTALLED = Path(sys.executable).with_name("mindtune")
AS_INSTALLED = "import sys; from mindtune.console import main; sys.exit(main())"


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"]])
def test_sub_commands_are_listed_with_a_line_each(argv, capsys):
    assert main(argv) == 0
    shown = capsys.readouterr()
    for name, summary in SUB_COMMANDS.items():
        assert any(line.split() == [name, *summary.split()] for line in shown.out.splitlines())
    assert shown.err == ""
    assert max(map(len, shown.out.splitlines())) <= 100


@pytest.mark.parametrize("name", SUB_COMMANDS)
def test_every_entry_is_a_module_with_help(name, capsys):
    assert callable(import_module(f"mindtune.console_commands.{name}").run)
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code in (0, None)
    out = " ".join(capsys.readouterr().out.split())
    assert f"usage: mindtune {name}" in out
    assert SUB_COMMANDS[name] in out


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"mindtune {__version__}\n"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["docter"], "mindtune: got 'docter', expected a sub-command; did you mean 'doctor'?"),
        (["zzz"], "mindtune: got 'zzz', expected a sub-command; choose one of: "),
        (["doctor", "--timelimit", "3"], "unknown key 'timelimit'"),
        (["doctor", "--time_limit", "soon"], "time_limit: got 'soon', expected"),
        (["doctor", "now"], "unrecognized arguments: now"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(argv, said, capsys):
    assert main(argv) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("error: ")
    assert said in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""


@pytest.mark.parametrize(("word", "code"), [("--help", 0), ("docter", 2)])
def test_as_a_user_types_it_without_waiting_for_mindspore(word, code, tmp_path):
    """The installed command, or what it consists of where only the sources are at hand."""
    command = [str(INSTALLED)] if INSTALLED.exists() else [sys.executable, "-c", AS_INSTALLED]
    (tmp_path / "mindspore.py").write_text("raise ImportError('imported')")
    path = ":".join([str(tmp_path), *filter(None, sys.path)])
    done = subprocess.run(
        [*command, word], capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": path}
    )
    assert done.returncode == code, done.stderr
    assert "doctor" in done.stdout + done.stderr
