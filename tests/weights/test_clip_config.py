from __future__ import annotations

import json

import pytest

from mindtune.errors import WeightsError
from mindtune.weights.clip_config import check_quick_gelu


@pytest.mark.parametrize(
    "config",
    [
        None,
        [],
        {"model_type": "clip"},
        {"vision_config": {"hidden_act": "quick_gelu"}, "text_config": None},
    ],
)
def test_openais_activation_or_nothing_said(config, tmp_path):
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    check_quick_gelu(tmp_path)
    check_quick_gelu(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"text_config": {"hidden_act": "gelu"}}', r"got text_config\.hidden_act gelu, expected"),
        ("{", r"config\.json: cannot be read"),
    ],
)
def test_another_activation_is_refused(text, message, tmp_path):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(WeightsError, match=message):
        check_quick_gelu(tmp_path / "model.safetensors")
