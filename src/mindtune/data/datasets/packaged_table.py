"""Class tables shipped with the package: one ``key<TAB>name`` line a class, in label order."""

from __future__ import annotations

from importlib.resources import files


def packaged_table(file: str) -> dict[str, str]:
    """Key to readable name, in label order."""
    text = files("mindtune.data.datasets").joinpath(file).read_text("utf-8")
    rows = (line.partition("\t") for line in text.splitlines())
    return {key: name for key, _, name in rows}
