"""What a Hugging Face folder says of a CLIP beside its tensors."""

from __future__ import annotations

import json
from pathlib import Path

from mindtune.errors import WeightsError

QUICK_GELU = "quick_gelu"
_CONFIG = "config.json"
_TOWERS = ("vision_config", "text_config")


def check_quick_gelu(weights: Path) -> None:
    """Refuse a CLIP that was trained with another activation; tensors do not show it.

    Args:
        weights: a file or folder; without a ``config.json`` beside it nothing is known.

    Raises:
        WeightsError: the configuration is no JSON, or names another activation.
    """
    path = (weights if weights.is_dir() else weights.parent) / _CONFIG
    if not path.is_file():
        return
    try:
        config = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: cannot be read ({error}); download it again") from error
    for tower in _TOWERS:
        section = config.get(tower) if isinstance(config, dict) else None
        found = section.get("hidden_act", QUICK_GELU) if isinstance(section, dict) else QUICK_GELU
        if found != QUICK_GELU:
            raise WeightsError(
                f"{path}: got {tower}.hidden_act {found}, expected {QUICK_GELU}, OpenAI's; "
                "this package has CLIPs of that activation only: choose OpenAI's weights"
            )
