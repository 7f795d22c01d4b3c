"""Whole files or none: write under a temporary name, flush to disk, rename."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from mindtune.errors import CheckpointError


def write_atomically(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content`` in one step.

    Raises:
        CheckpointError: the folder cannot be written or the disk is full; ``path`` is unchanged.
    """
    replace_atomically(path, lambda temporary: temporary.write_bytes(content))


def beside(path: Path) -> Path:
    """The folder that ``path`` is, or lies in."""
    return path if path.is_dir() else path.parent


def replace_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` make a temporary file beside ``path``, then put it in its place.

    Raises:
        CheckpointError: writing failed; ``path`` is unchanged and the temporary file is gone.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        share(temporary)
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        _remove(temporary)


def unwritable(path: Path, error: OSError) -> CheckpointError:
    """What to say where writing ``path`` failed by ``error``."""
    return CheckpointError(
        f"{path}: cannot be written ({error.strerror or error}); check that the folder exists, "
        "that you may write to it and that the disk has room, or choose another with --out"
    )


def share(path: Path) -> None:
    """Give ``path`` the permissions of an ordinary new file; some libraries write for the owner."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def _remove(temporary: Path) -> None:
    """Delete what a failed or interrupted write left; after success there is nothing."""
    try:
        temporary.unlink()
    except OSError:
        return


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
