"""The configuration as plain mappings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

Section = TypeVar("Section")


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def from_plain(section: type[Section], values: Mapping[str, Any]) -> Section:
    """A part of the configuration from nested mappings; keys of other versions are passed over."""
    types = get_type_hints(section)
    known = {item.name for item in fields(section)} & values.keys()  # type: ignore[arg-type]
    return section(
        **{
            key: from_plain(types[key], values[key]) if is_dataclass(types[key]) else values[key]
            for key in known
        }
    )
