"""Exceptions that mean "the user can mend this": entry points print them without a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A fault in what the user gave: a file, a value, a data set, a weight file.

    The message is one sentence of the form ``what: got X, expected Y; cure``. The entry points
    print it alone (no traceback) and exit with ``exit_code``.
    """

    exit_code = 1


class ConfigError(UserError):
    """A wrong key, type or combination in the run configuration (exit code 2)."""

    exit_code = 2


class WeightsError(UserError):
    """A weight file which cannot be read, or which does not fit the network."""


class DataError(UserError):
    """A data set, image or batch which cannot be used as it is."""


class CheckpointError(UserError):
    """A run folder or checkpoint which cannot be resumed from or written."""


class DivergedError(UserError):
    """The loss became NaN or infinite."""


class MissingPackageError(UserError):
    """A package that only a part of MindTune needs is not installed."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """A hint such as ``; did you mean 'vit_tiny'?``, or the valid names when none is near."""
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; choose one of: {', '.join(names)}"


def check_option(name: str, value: str, valid: Iterable[str]) -> None:
    """Refuse a value that is none of ``valid``.

    Raises:
        ConfigError: naming the option, the value and the nearest valid one.
    """
    if value not in valid:
        raise ConfigError(f"{name}: got {value!r}, expected a known option{nearest(value, valid)}")
