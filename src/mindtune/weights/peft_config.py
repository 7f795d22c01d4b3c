"""``adapter_config.json`` of Hugging Face's PEFT: what a LoRA adapter says of itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mindtune.errors import WeightsError
from mindtune.weights.low_rank import scale_of

CONFIG = "adapter_config.json"
_HARMLESS = {  # say nothing that the tensors beside the file do not, or act in training only
    "peft_type", "task_type", "auto_mapping", "base_model_name_or_path", "revision",
    "inference_mode", "peft_version", "r", "lora_alpha", "lora_dropout", "target_modules",
    "exclude_modules", "modules_to_save", "bias", "init_lora_weights", "rank_pattern",
    "alpha_pattern", "layers_to_transform", "layers_pattern", "use_rslora", "megatron_core",
    "qalora_group_size", "runtime_config",
}  # fmt: skip
_CHANGES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")  # ways to start that edit the base


@dataclass(frozen=True)
class AdapterConfig:
    """The settings that a reader needs.

    Attributes:
        rank: of layers without a pattern of their own.
        alpha: the same.
        rslora: whether the factor is alpha / sqrt(r).
        bias: ``none``, ``all`` or ``lora_only``.
        dropout: of training.
        base: which weights the adapter belongs to, where it says so.
        alpha_pattern: alpha of modules whose name ends in, or matches, a key.
    """

    rank: int
    alpha: float
    rslora: bool = False
    bias: str = "none"
    dropout: float = 0.0
    base: str | None = None
    alpha_pattern: Mapping[str, float] = field(default_factory=dict)

    def scale(self, modules: Iterable[str], rank: int) -> float:
        """The factor of the update of a layer, given all its names."""
        names = list(modules)
        alpha = self.alpha
        for pattern, value in self.alpha_pattern.items():
            if any(re.fullmatch(rf"(.*\.)?({pattern})", name) for name in names):
                alpha = value
                break
        return scale_of(rank, alpha, self.rslora)


def read_adapter_config(folder: Path) -> AdapterConfig:
    """Read and check the file.

    Raises:
        WeightsError: missing, no JSON, no LoRA, or a variant whose tensors mean something else.
    """
    path = folder / CONFIG
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WeightsError(
            f"adapter {folder}: got no {CONFIG} that can be read ({error.strerror}), expected a "
            "folder written by peft; check the path"
        ) from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise WeightsError(f"adapter {path}: is no JSON ({error}); copy it again") from error
    if not isinstance(values, dict) or not {"r", "lora_alpha"} <= values.keys():
        raise WeightsError(f"adapter {path}: got no r and lora_alpha, expected those of LoRA")
    _refuse_variants(path, values)
    return AdapterConfig(
        values["r"],
        values["lora_alpha"],
        bool(values.get("use_rslora")),
        values.get("bias") or "none",
        values.get("lora_dropout") or 0.0,
        values.get("base_model_name_or_path"),
        values.get("alpha_pattern") or {},
    )


def _refuse_variants(path: Path, values: Mapping[str, Any]) -> None:
    start = str(values.get("init_lora_weights"))
    wrong = {key: value for key, value in values.items() if key not in _HARMLESS and value}
    if values.get("peft_type") != "LORA":
        wrong["peft_type"] = values.get("peft_type")
    if start.startswith(_CHANGES_BASE):
        wrong["init_lora_weights"] = start
    if wrong:
        key, value = next(iter(wrong.items()))
        raise WeightsError(
            f"adapter {path}: got {key} {value!r}, expected a plain LoRA adapter; merge it into "
            "its base with peft (merge_and_unload, save_pretrained) and give that to --pretrained"
        )


def adapter_config_text(config: AdapterConfig, targets: list[str] | str, has_head: bool) -> str:
    """The file for an adapter of a ViTForImageClassification."""
    alpha = int(config.alpha) if config.alpha == int(config.alpha) else config.alpha
    values = {
        "peft_type": "LORA",
        "task_type": None,  # there is none for images: auto_mapping says the class instead
        "auto_mapping": {
            "base_model_class": "ViTForImageClassification",
            "parent_library": "transformers.models.vit.modeling_vit",
        },
        "base_model_name_or_path": config.base,
        "revision": None,
        "inference_mode": True,
        "r": config.rank,
        "lora_alpha": alpha,
        "lora_dropout": config.dropout,
        "use_rslora": config.rslora,
        "use_dora": False,
        "bias": config.bias,
        "target_modules": targets,
        "modules_to_save": ["classifier"] if has_head else None,
        "fan_in_fan_out": False,
        "init_lora_weights": True,
        "rank_pattern": {},
        "alpha_pattern": {},
    }
    return json.dumps(values, indent=2, sort_keys=True)
