from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from mindtune import cli
from mindtune.config import RunConfig
from mindtune.errors import ConfigError, DataError


def raising(error: BaseException):
    def command(argv: object) -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "printed"),
    [
        (ConfigError("seed: got -1"), 2, "error: seed: got -1\n"),
        (DataError("image a.jpg"), 1, "error: image a.jpg\n"),
        (OSError(errno.EACCES, "Permission denied", "/x/y"), 1, "error: /x/y: Permission denied;"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "error: a file: No space left"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_faults_of_the_user_and_the_machine_are_one_line(error, code, printed, capsys):
    assert cli.run(raising(error), []) == code
    err = capsys.readouterr().err
    assert err.startswith(printed)
    assert err.count("\n") == 1


INTERRUPTED_IMPORT = """
import sys
from mindtune import cli

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "mindspore.nn":
            raise KeyboardInterrupt

def command(argv):
    sys.meta_path.insert(0, Interrupting())
    import mindspore

sys.exit(cli.run(command, []))
"""


def test_an_interrupted_import_of_mindspore_ends_quietly():
    argv = [sys.executable, "-c", INTERRUPTED_IMPORT]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "interrupted\n")


def test_faults_of_ours_keep_their_traceback():
    with pytest.raises(OSError, match="Bad file"):
        cli.run(raising(OSError(errno.EBADF, "Bad file")), [])
    with pytest.raises(ZeroDivisionError):
        cli.run(raising(ZeroDivisionError()), [])


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--tensorboard"], ["--tensorboard", "true"]),
        (["--tensorboard", "--epochs", "3"], ["--tensorboard", "true", "--epochs", "3"]),
        (["--tensorboard", "false"], ["--tensorboard", "false"]),
        (["--data.skip_unreadable"], ["--data.skip_unreadable", "true"]),
        (["--epochs", "--tensorboard=true"], ["--epochs", "--tensorboard=true"]),
    ],
)
def test_a_switch_alone_is_true(argv, expected):
    assert cli.with_true(argv, cli.switches_of(RunConfig)) == expected


def test_switches_are_the_options_of_two_values():
    switches = cli.switches_of(RunConfig)
    assert {"--recompute", "--overwrite", "--optim.decay_bias_tables"} <= switches
    assert not {"--epochs", "--precision", "--optim", "--ema_decay"} & switches


def test_a_key_of_another_version_in_a_run_is_named():
    parser = cli.make_parser(RunConfig, "train.py", "Train.")
    with pytest.raises(ConfigError, match=r"unknown key 'optim\.lrate'.*config\.yaml of the run"):
        cli.parse(parser, RunConfig, [], {"optim.lrate": 1.0})
