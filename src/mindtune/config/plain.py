"""The configuration as plain mappings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

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
    return section(**{key: _value(types[key], values[key]) for key in known})


def _value(kind: Any, value: Any) -> Any:
    """A value of the type ``kind``; one mapping, or a list of them, becomes its sections."""
    if is_dataclass(kind):
        return from_plain(kind, value)  # type: ignore[arg-type]
    if get_origin(kind) is list and is_dataclass(get_args(kind)[0]):
        return [from_plain(get_args(kind)[0], one) for one in value]
    return value
