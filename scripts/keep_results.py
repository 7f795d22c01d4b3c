"""Keep what finished runs measured in results/TOPIC.json, from which docs/results.md is made.

Usage: python scripts/keep_results.py [--rename OLD NEW]... OUT.json RUN_FOLDER...

Kept are the result.json of train.py and what eval.py wrote. ``--rename`` says how to call a folder
of this machine in the kept file, such as ``--rename /data/cifar10 CIFAR10_FOLDER``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chapters.run import Run, read_run

from mindtune import cli
from mindtune.errors import ConfigError
from mindtune.files import write_atomically


def main(argv: Sequence[str]) -> None:
    """Write the results of the runs, in the order given, a line a run.

    Raises:
        ConfigError: two runs of one name.
        CheckpointError: a folder without results, or a file that cannot be written.
    """
    parser = argparse.ArgumentParser(description="Keep what finished runs measured.")
    parser.add_argument("--rename", nargs=2, action="append", default=[], metavar=("OLD", "NEW"))
    parser.add_argument("out", type=Path, metavar="OUT.json")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN_FOLDER")
    arguments = parser.parse_args(argv)
    runs = [read_run(folder) for folder in arguments.runs]
    names = [run.name for run in runs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(
            f"runs: got {', '.join(twice)} twice, expected folders of different names; rename one"
        )
    longest_first = dict(sorted(arguments.rename, key=lambda pair: -len(pair[0])))
    write_atomically(arguments.out, kept(runs, longest_first).encode())


def kept(runs: Sequence[Run], names: Mapping[str, str]) -> str:
    """The file's text: a JSON object of run names and their files, folders called by ``names``."""
    lines = [f"{json.dumps(run.name)}: {json.dumps(renamed(run.files, names))}" for run in runs]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """``value`` with every folder of ``names`` called by its new name, in all strings."""
    if isinstance(value, dict):
        return {key: renamed(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [renamed(inner, names) for inner in value]
    if isinstance(value, str):
        for old, new in names.items():
            value = value.replace(old, new)
    return value


if __name__ == "__main__":
    sys.exit(cli.run(main))
