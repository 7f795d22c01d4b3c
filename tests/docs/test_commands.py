"""Every command line and key that README.md and docs/ show exists."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from commands_of_pages import PAGES, ROOT, commands_of
from mindtune import cli
from mindtune.config import EvaluateConfig, ExportConfig, RunConfig
from mindtune.configuring import refuse_training_options
from mindtune.console import SUB_COMMANDS

CONFIGS = {"train": RunConfig, "eval": EvaluateConfig, "export": ExportConfig}
SHOWN_KEY = re.compile(r"(?<![\w-])--(\w[\w.]*\w|\w+)(?:\.\*)?")
OF_OTHER_TOOLS = {  # mpirun, msrun, srun, pip
    "allow", "array", "bind", "force", "gpus", "hostfile", "join", "kill", "local_worker_num",
    "master_addr", "no", "node_rank", "nodes", "ntasks", "oversubscribe", "requeue", "signal",
    "use", "worker_num",
}  # fmt: skip
HELP = ("--help", "--print_config", "--version")
RUN_BY = {  # commands that need neither data, weights nor devices, and the test that runs them
    "scripts/quickstart.sh": "tests/commands/test_quickstart.py",
    "scripts/test.sh": "tests",
    "mindtune doctor": "tests/doctor",
    "mindtune models": "tests/console_commands",
    "mindtune datasets": "tests/console_commands",
    "train --smoke": "tests/commands/test_recipes.py",
    "train configs/quickstart": "tests/commands/test_quickstart.py",
    "eval throughput": "tests/commands/test_throughput.py",
    "scripts/build_cuda_kernels.sh": "tests/ops/test_cuda_kernels.py",
}


@cache
def parser_of(program: str) -> cli.Parser:
    return cli.make_parser(CONFIGS[program], program, "")


def without_placeholders(words: list[str]) -> list[str]:
    """A command whose recipe is any, such as RECIPE.yaml, without it; values stay."""
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--config":
            value = next(rest)
            if value.startswith("configs/"):
                kept += [word, str(ROOT / value)]
        elif word not in HELP:
            kept.append(word)
    return kept


def check(program: str, words: list[str]) -> None:
    """Raise where the program would refuse a key, a value's type or a recipe."""
    if program in CONFIGS:
        argv = without_placeholders(words)
        if program == "eval":
            argv = ["--protocol=throughput" if w == "--throughput" else w for w in argv]
        if program != "train":
            refuse_training_options(argv)
        cli.parse(parser_of(program), CONFIGS[program], argv, {})
    elif program.startswith("mindtune "):
        assert program.split()[1] in SUB_COMMANDS
    else:
        text = (ROOT / program).read_text()
        if "train.py" not in text:  # else its options are train.py's
            known = text + "".join(
                path.read_text() for path in (ROOT / "src" / "mindtune").glob("*convert*.py")
            )
            shown = [SHOWN_KEY.match(word) for word in words]
            assert [m[0] for m in shown if m and m[0] not in known] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_are_accepted(page: Path) -> None:
    for program, words in commands_of(page):
        try:
            check(program, words)
        except (ValueError, OSError) as error:
            pytest.fail(f"{page.name}: {program} {' '.join(words)}: {error}")


@pytest.mark.parametrize(
    "line", ["train --optim.lrr 1", "train --device_target TPU", "eval --epochs 3", "mindtune fly"]
)
def test_what_does_not_exist_is_found(line: str) -> None:
    mindtune_word = line.startswith("mindtune")
    program, words = (line, []) if mindtune_word else (line.split()[0], line.split()[1:])
    with pytest.raises((ValueError, AssertionError)):
        check(program, words)


@cache
def known_keys() -> frozenset[str]:
    """Keys and groups of the entry points, options of sub-commands and scripts."""
    keys = {key for program in CONFIGS for key in parser_of(program).valid_keys()}
    keys |= {key.rsplit(".", n)[0] for key in keys for n in range(1, key.count(".") + 1)}
    for name in SUB_COMMANDS.keys() - CONFIGS.keys():
        parser = cli.Parser(prog=name)
        import_module(f"mindtune.console_commands.{name}").add_arguments(parser)
        keys |= set(parser.valid_keys())
    for folder in ("scripts", "benchmarks"):
        for file in (ROOT / folder).iterdir():
            if file.suffix in (".py", ".sh"):
                keys |= set(re.findall(r"--(\w+)", file.read_text()))
    return frozenset(keys | {"help", "version", "print_config", "throughput"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_keys_exist(page: Path) -> None:
    shown = set(SHOWN_KEY.findall(page.read_text()))
    assert sorted(shown - known_keys() - OF_OTHER_TOOLS) == []


def needs(program: str, words: list[str]) -> bool:
    """Whether a command needs weights, data, a run, a device or a quiet machine."""
    line = " ".join(words)
    if program.startswith("benchmarks/"):
        return True
    if program.startswith("scripts/"):
        return bool(re.search(r"[A-Z]{2,}|/data/|runs/|\d", line))
    given = re.search(r"--pretrained (\S+)", line)
    shipped = given is not None and (ROOT / given[1]).exists()
    if program in ("eval", "export"):
        return not shipped and "throughput" not in line
    if program == "train":
        asked = re.search(r"--pretrained|--data\.root|--device_target|--launcher|RECIPE", line)
        return asked is not None and not shipped
    return program.split()[-1] in ("predict", "report", "weights", "attention")


def test_every_other_command_is_run_by_a_test() -> None:
    """The checks above run nothing; what could run here is run elsewhere, and said to be."""
    unlisted = []
    for page in PAGES:
        for program, words in commands_of(page):
            line = " ".join([program, *words])
            mention = program in CONFIGS and (not words or words[0] in HELP)
            listed = any(all(part in line for part in key.split()) for key in RUN_BY)
            if not (needs(program, words) or mention or listed):
                unlisted.append(f"{page.name}: {line}")
    assert unlisted == []
    assert [test for test in RUN_BY.values() if not (ROOT / test).exists()] == []
