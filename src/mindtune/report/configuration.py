"""What a run was asked to do."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from mindtune.config import RunConfig, flatten
from mindtune.report.run_files import RunFiles
from mindtune.report.section import Section

Setting = tuple[str, str]


@dataclass(frozen=True)
class Configuration:
    """``chosen`` differ from the defaults; ``everything`` is the whole configuration."""

    chosen: list[Setting]
    everything: list[Setting]


def configuration(run: RunFiles) -> Section | None:
    """Keys and values, dotted as on the command line."""
    if not run.config:
        return None
    defaults = settings_of(asdict(RunConfig()))
    values = settings_of(run.config)
    chosen = [(key, value) for key, value in values.items() if defaults.get(key) != value]
    return Section("Configuration", "configuration", Configuration(chosen, list(values.items())))


def settings_of(config: dict[str, Any]) -> dict[str, str]:
    """Dotted keys and their values as text."""
    return {key: value_text(value) for key, value in flatten(config).items()}


def value_text(value: Any) -> str:
    """A value of a configuration, as a recipe would say it."""
    return value if isinstance(value, str) else json.dumps(value)
