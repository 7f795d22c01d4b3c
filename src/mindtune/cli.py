"""Command line of the entry points: YAML files, dotted overrides, errors in one line."""

from __future__ import annotations

import dataclasses
import errno
import os
import re
import sys
from collections.abc import Callable, Collection, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, cast, get_type_hints

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from mindtune.engine.distributed.lifeline import end_run, leave_run
from mindtune.errors import ConfigError, UserError, nearest
from mindtune.version import __version__

Config = TypeVar("Config")

_INTERRUPTED = 130
_NOT_OUR_FAULT = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)


class Parser(ArgumentParser):
    """An argument parser whose errors name the nearest valid key; they exit with code 2."""

    def error(self, message: str, ex: Exception | None = None) -> Any:
        hint = f"; {self.prog} --help explains them" if " are required" in message else ""
        raise ConfigError(explain(message, self.valid_keys()) + hint) from ex

    def valid_keys(self) -> list[str]:
        """Every key that a file or an option may set, dotted."""
        options = (option for action in self._actions for option in action.option_strings)
        names = {option.lstrip("-") for option in options if option.startswith("--")}
        return sorted(name for name in names if name not in _NO_KEYS and not name.endswith("+"))


_NO_KEYS = {"help", "version", "print_config", "print_shtab"}
_UNKNOWN_KEY = re.compile(
    r"unrecognized arguments: --(?P<flag>[\w.-]+)"
    r"|key \"(?P<key>[\w.-]+)\" is not expected"
    r"|option '(?P<option>[\w.-]+)' is not accepted"
    r"|group '(?P<group>[\w.]+)' does not accept (?:nested key|option) '(?P<nested>[\w.-]+)'"
    r"|no action for key \"(?P<stored>[\w.-]+)\"",
    re.IGNORECASE,
)
_WRONG_TYPE = re.compile(
    r"key \"(?P<key>[\w.]+)\": (?:"
    r"expected an? (?P<type>.+?)\. got value: (?P<value>.*)"
    r"|does not validate against any of the Union subtypes Subtypes: \[(?P<types>.+?)\] Errors: "
    r".*given value: (?P<given>.*)"
    r"|unable to load config '(?P<no_group>.*?)' - .*)",
    re.IGNORECASE,
)
_TYPE_WORDS = (
    (r"<class '(\w+)'>|typing\.", r"\1"),
    (r"Literal\[([^\]]*)\]", r"one of \1"),
    (r"Union\[(\w+), (\w+)\]", r"\1 or \2"),
    (r"[Ll]ist\[([^\]]*)\]", r"list of \1"),
    (r", NoneType$", " or null"),
)


def explain(message: str, keys: Sequence[str]) -> str:
    """A parser's message as ``key: got X, expected Y``, with the nearest key for an unknown one."""
    text = " ".join(message.split())
    unknown = _UNKNOWN_KEY.search(text)
    if unknown is not None:
        found = unknown.groupdict()
        wrong = found["flag"] or found["key"] or found["option"] or found["stored"]
        wrong = wrong or f"{found['group']}.{found['nested']}"
        return f"unknown key {wrong!r}: expected a key of this command{_nearest_key(wrong, keys)}"
    wrong_type = _WRONG_TYPE.search(text)
    if wrong_type is not None:
        value = wrong_type["value"] or wrong_type["given"] or wrong_type["no_group"]
        expected = wrong_type["type"] or wrong_type["types"] or "keys and values"
        for pattern, words in _TYPE_WORDS:
            expected = re.sub(pattern, words, expected)
        hint = f", such as [{value}]" if expected.startswith("list") else ""
        return f"{wrong_type['key']}: got {value!r}, expected {expected}{hint}"
    return text


def _nearest_key(wrong: str, keys: Sequence[str]) -> str:
    """A key that ends in the same word, such as optim.lr for lr, or else is spelt like it."""
    same_word = [key for key in keys if key.rsplit(".", 1)[-1] == wrong.rsplit(".", 1)[-1]]
    if same_word:
        return f"; did you mean {' or '.join(map(repr, same_word))}?"
    hint = nearest(wrong, keys)
    return hint if "did you mean" in hint else "; --help lists them"


def read_yaml(path: Path) -> dict[str, Any]:
    """The keys and values of a YAML file.

    Raises:
        ConfigError: no such file, or it holds something else.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"config {path}: cannot be read ({error.strerror}); give the path of a YAML file"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).replace('"<unicode string>", ', "").split())
        raise ConfigError(f"config {path}: is no YAML ({reason}); mend it there") from error
    if values is not None and not isinstance(values, dict):
        raise ConfigError(
            f"config {path}: got a {type(values).__name__}, expected keys and values (key: value)"
        )
    return values or {}


def make_parser(config_class: type, prog: str, description: str) -> Parser:
    """The parser of an entry point: every field of ``config_class`` is a key."""
    parser = Parser(
        prog=prog,
        usage=f"{prog} [--config RECIPE.yaml] [--smoke] [--key VALUE ...]",
        description=description,
        exit_on_error=False,
        allow_abbrev=False,
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
    for file in _option_values(argv, "--config", "--swin_config"):
        read_yaml(Path(file))
    try:
        parser.set_defaults(defaults)
    except KeyError as error:
        raise ConfigError(
            f"{explain(str(error), parser.valid_keys())}; it stands in the config.yaml of the run, "
            "which another version of mindtune wrote: take it out there"
        ) from error
    try:
        values = parser.parse_args(with_true(with_smoke_last(argv), switches_of(config_class)))
        objects = parser.instantiate(values)
    except (ArgumentError, TypeError, KeyError) as error:
        raise ConfigError(explain(str(error), parser.valid_keys())) from error
    if values.smoke:
        raise ConfigError("smoke: got true in a file, expected the option --smoke")
    names = {field.name for field in dataclasses.fields(config_class)}  # type: ignore[arg-type]
    return config_class(**{key: value for key, value in vars(objects).items() if key in names})


def with_smoke_last(argv: Sequence[str]) -> list[str]:
    """Let ``--smoke`` override the files and the other options override it, wherever it stands.

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
    for smoke in _smoke_files(argv):
        files += ["--config", str(smoke)]
    return [*files, *rest]


def _smoke_files(argv: Sequence[str]) -> list[Path]:
    """What makes any recipe small, and what else its method needs for that."""
    recipes = [read_yaml(Path(file)) for file in _option_values(argv, "--config", "--swin_config")]
    methods = [recipe["method"] for recipe in recipes if "method" in recipe]
    method = option_value(argv, "--method") or (methods[-1] if methods else None)
    folder = Path(str(resources.files("mindtune")))
    own = folder / f"smoke_{method}.yaml"
    return [folder / "smoke.yaml", *([own] if own.is_file() else [])]


def switches_of(config_class: type, prefix: str = "--") -> set[str]:
    """The options of ``config_class`` that are true or false."""
    found = set()
    types = get_type_hints(config_class)
    for field in dataclasses.fields(config_class):
        kind = types[field.name]
        if dataclasses.is_dataclass(kind):
            found |= switches_of(cast(type, kind), f"{prefix}{field.name}.")
        elif kind is bool:
            found.add(f"{prefix}{field.name}")
    return found


def with_true(argv: Sequence[str], switches: Collection[str]) -> list[str]:
    """``--recompute`` alone means ``--recompute true``, and so for all ``switches``."""
    words = []
    for word, following in zip(argv, [*argv[1:], "--"]):
        words.append(word)
        if word in switches and following.startswith("--"):
            words.append("true")
    return words


def option_value(argv: Sequence[str], *names: str) -> str | None:
    """The last value of an option, read before the parser exists."""
    values = _option_values(argv, *names)
    return values[-1] if values else None


def _option_values(argv: Sequence[str], *names: str) -> list[str]:
    values = []
    for position, word in enumerate(argv):
        for name in names:
            if word == name and position + 1 < len(argv):
                values.append(argv[position + 1])
            elif word.startswith(name + "="):
                values.append(word.split("=", 1)[1])
    return values


def run(command: Callable[[Sequence[str]], int | None], argv: Sequence[str] | None = None) -> int:
    """Run an entry point; a mistake of the user is one line on stderr and an exit code."""
    os.environ.setdefault("GLOG_v", "4")  # MindSpore logs errors beside raising them: silence
    try:
        code = command(sys.argv[1:] if argv is None else argv) or 0
    except UserError as error:
        return end_run(f"error: {error}", error.exit_code)
    except OSError as error:
        if error.errno not in _NOT_OUR_FAULT:
            raise
        return end_run(
            f"error: {error.filename or 'a file'}: {error.strerror}; check its permissions and "
            "the free space on its disk",
            1,
        )
    except KeyboardInterrupt:
        code = end_run("interrupted", _INTERRUPTED)
        if _is_half_imported("mindspore"):
            os._exit(code)  # what it does at exit would import it again, and crash
        return code
    leave_run()
    return code


def _is_half_imported(package: str) -> bool:
    """Whether the import of ``package`` was left: Python forgets it then, but not its modules."""
    modules = list(sys.modules)
    return package not in modules and any(name.startswith(f"{package}.") for name in modules)
