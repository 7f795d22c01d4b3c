"""scripts/prepare_few_shot.py as a user calls it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "prepare_few_shot.py"


@pytest.mark.parametrize(
    ("name", "options", "fault"),
    [
        ("cifar_fs", ("--root",), "error: data set 'cifar100' (CIFAR-100): got none of its files"),
        ("fc100", ("--root",), "error: data set 'cifar100' (CIFAR-100): got none of its files"),
        ("mini_imagenet", ("--imagenet", "--lists"), "error: lists: got no train.csv"),
        ("tiered_imagenet", ("--imagenet", "--lists"), "error: lists: got no train.csv"),
    ],
)
def test_a_fault_is_one_line(name, options, fault, tmp_path):
    words = [word for option in options for word in (option, str(tmp_path))]
    command = [sys.executable, str(SCRIPT), name, *words, "--out", "made"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(fault)
    assert done.stderr.count("\n") == 1
