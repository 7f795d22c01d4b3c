"""Command line of the entry points: YAML files, dotted overrides, errors in one line."""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib import resources
from typing import Any, TypeVar

from jsonargparse import ArgumentError, ArgumentParser

from mindtune.errors import ConfigError, UserError, nearest
from mindtune.version import __version__

Config = TypeVar("Config")

_INTERRUPTED = 130


class Parser(ArgumentParser):
    """An argument parser whose errors name the nearest valid key; they exit with code 2."""

    def error(self, message: str, ex: Exception | None = None) -> Any:
        raise ConfigError(explain(message, self.valid_keys())) from ex

    def valid_keys(self) -> list[str]:
        """Every key that a file or an option may set, dotted."""
        options = (option for action in self._actions for option in action.option_strings)
        return sorted({option.lstrip("-") for option in options if option.startswith("--")})


_UNKNOWN_KEY = re.compile(
    r"unrecognized arguments: --(?P<flag>[\w.-]+)"
    r"|key \"(?P<key>[\w.-]+)\" is not expected"
    r"|option '(?P<option>[\w.-]+)' is not accepted"
    r"|group '(?P<group>[\w.]+)' does not accept (?:nested key|option) '(?P<nested>[\w.-]+)'",
    re.IGNORECASE,
)
_WRONG_TYPE = re.compile(
    r"parser key \"(?P<key>[\w.]+)\": expected a (?P<type>.+?)\. got value: (?P<value>.*)",
    re.IGNORECASE,
)


def explain(message: str, keys: Sequence[str]) -> str:
    """A parser's message as ``key: got X, expected Y``, with the nearest valid key for a wrong one."""
    text = " ".join(message.split())
    unknown = _UNKNOWN_KEY.search(text)
    if unknown is not None:
        found = unknown.groupdict()
        wrong = found["flag"] or found["key"] or found["option"]
        wrong = wrong or f"{found['group']}.{found['nested']}"
        return f"unknown key {wrong!r}: expected a key of this command{nearest(wrong, keys)}"
    wrong_type = _WRONG_TYPE.search(text)
    if wrong_type is not None:
        expected = re.sub(r"<class '(\w+)'>", r"\1", wrong_type["type"]).replace("typing.", "")
        return f"{wrong_type['key']}: got {wrong_type['value']!r}, expected {expected}"
    return text


def make_parser(config_class: type, prog: str, description: str) -> Parser:
    """The parser of an entry point: every field of ``config_class`` is a key."""
    parser = Parser(
        prog=prog,
        usage=f"{prog} [--config RECIPE.yaml] [--smoke] [--key VALUE ...]",
        description=description,
        exit_on_error=False,
    )
    parser.add_argument(
        "--config", "--swin_config", action="config", help="YAML file of keys; may be given again."
    )
    parser.add_argument(
        "--smoke", action="store_true", help="run this recipe in seconds: tiny network, digits."
    )
    parser.add_argument("--version", action="version", version=f"mindtune {__version__}")
    parser.add_class_arguments(config_class)
    return parser


def parse(
    parser: Parser, config_class: type[Config], argv: Sequence[str], defaults: dict[str, Any]
) -> Config:
    """The configuration that files and options give on top of ``defaults`` (dotted keys).

    Raises:
        ConfigError: unknown key, wrong type, or a file which is missing or no YAML.
    """
    try:
        parser.set_defaults(defaults)
        values = parser.parse_args(with_smoke_last(argv))
        objects = parser.instantiate_classes(values)
    except (ArgumentError, TypeError, KeyError) as error:
        raise ConfigError(explain(str(error), parser.valid_keys())) from error
    names = {field.name for field in dataclasses.fields(config_class)}  # type: ignore[arg-type]
    return config_class(**{key: value for key, value in vars(objects).items() if key in names})


def with_smoke_last(argv: Sequence[str]) -> list[str]:
    """Let ``--smoke`` override the files and be overridden by the other options, wherever it stands.

    It stands for one more file: a tiny network and embedded data, so that any recipe runs in
    seconds.
    """
    if "--smoke" not in argv:
        return list(argv)
    files: list[str] = []
    rest: list[str] = []
    words = iter(word for word in argv if word != "--smoke")
    for word in words:
        if word in ("--config", "--swin_config"):
            files += ["--config", next(words, "")]
        elif word.startswith(("--config=", "--swin_config=")):
            files += ["--config", word.split("=", 1)[1]]
        else:
            rest.append(word)
    smoke = str(resources.files("mindtune") / "smoke.yaml")
    return [*files, "--config", smoke, *rest]


def option_value(argv: Sequence[str], *names: str) -> str | None:
    """The last value of an option, read before the parser exists."""
    value = None
    for position, word in enumerate(argv):
        for name in names:
            if word == name and position + 1 < len(argv):
                value = argv[position + 1]
            elif word.startswith(name + "="):
                value = word.split("=", 1)[1]
    return value


def run(command: Callable[[Sequence[str]], None], argv: Sequence[str] | None = None) -> int:
    """Run an entry point; a mistake of the user is one line on stderr and an exit code."""
    os.environ.setdefault("GLOG_v", "3")  # MindSpore: errors only
    try:
        command(sys.argv[1:] if argv is None else argv)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED
    return 0
