"""The command ``mindtune`` and its table of sub-commands."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from mindtune import __version__
from mindtune.console import ENTRY_POINTS, SUB_COMMANDS, main

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
    if name not in ENTRY_POINTS:
        assert callable(import_module(f"mindtune.console_commands.{name}").run)
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code in (0, None)
    out = " ".join(capsys.readouterr().out.split())
    assert f"usage: mindtune {name}" in out
    assert name in ENTRY_POINTS or SUB_COMMANDS[name] in out


def test_train_eval_export_and_report_are_one_way(tmp_path, monkeypatch, capsys):
    """The same code as train.py's, eval.py's and export.py's; a newcomer's first four commands."""
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--smoke", "--out", "runs/first"]) == 0
    result = json.loads(Path("runs/first/result.json").read_text())
    assert result["command"] == "mindtune train --smoke --out runs/first"
    assert main(["eval", "--pretrained", "runs/first"]) == 0
    assert json.loads(Path("runs/first/eval_test.json").read_text())["metrics"] == result["metrics"]
    assert main(["export", "--pretrained", "runs/first"]) == 0
    assert Path("runs/first/model.mindir").is_file()
    Path("runs/first/report.html").unlink()
    assert main(["report", "runs/first"]) == 0
    assert capsys.readouterr().out.endswith("runs/first/report.html\n")
    assert Path("runs/first/report.html").is_file()


def test_train_starts_itself_again_as_it_was_started(tmp_path, monkeypatch):
    """``--restart_on_failure`` runs the sub-command, not the bare command."""
    started = []
    monkeypatch.setattr("mindtune.commands.run_with_restarts", lambda *args: started.append(args))
    options = ["--smoke", "--restart_on_failure", "1", "--out", str(tmp_path)]
    assert main(["train", *options]) == 0
    assert started[0][0] == ["train", *options]


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
        (["trian"], "did you mean 'train'?"),
        (["train", "--lr", "3"], "unknown key 'lr'"),
        (["report", "a", "--out", "b.html"], "out: acts on several runs"),
        (["doctor", "now"], "unrecognized arguments: now"),
        (["report"], "are required: runs; mindtune report --help explains them"),
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
