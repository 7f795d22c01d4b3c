"""Why a file does not fit a network, and what to do about it, guessed from names and shapes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from mindtune.weights.fit import Fit, Shape, covered

_PATCHES = ("patch_embed.proj.weight", "visual.conv1.weight")
_BLOCK = re.compile(r"(?:visual\.transformer\.res)?blocks\.(\d+)\.")
_SIZES = {192: "vit_tiny", 384: "vit_small", 768: "vit_base", 1024: "vit_large", 1280: "vit_huge"}
_PAIR = ("student.", "teacher.")  # of iBOT and SMKD, as this package saves them
_UNKNOWN = "another architecture"
_TUNINGS = {"psrp": "PSRP (MP+)", "lora": "LoRA"}
_MERGE = {"psrp": "", "lora": ", or merge its updates first with scripts/convert_weights.py"}
_ARCHITECTURES = (  # names seen only there, most telling first
    (r"visual\.attnpool\.", "CLIP's ResNet"),
    (r"visual\.class_embedding", "CLIP's ViT"),
    (r"(visual\.|token_embedding\.)", "CLIP"),
    (r"(vision_model|text_model)\.", "Hugging Face CLIP"),
    (r".*axial_shift\.", "AS-MLP"),
    (r"layers\.0\..*\.(cpb|rpe)_mlp\.", "Swin V2"),
    (r"(encoder\.)?layers\.0\.blocks\.", "Swin"),
    (r".*relative_position_bias_table", "BEiT (a ViT with relative positions)"),
    (r"(stages\.0\.blocks|downsample_layers)\.", "ConvNeXt"),
    (r"(.*\.)?layer1\.0\.conv1\.", "ResNet"),
    (r"base_model\.model\..*lora_", "a PEFT LoRA adapter"),
    (r"(blocks\.0\.|cls_token)", "ViT"),
)


def suggest_cure(
    fit: Fit,
    network: Mapping[str, Shape],
    file: Mapping[str, Shape],
    reset_option: str,
    key: str | None = None,
) -> str:
    """The nearest cure, one sentence; several when the faults are independent.

    Args:
        fit: what does not fit.
        network: shapes of the parameters.
        file: shapes of the tensors, dropped ones included.
        reset_option: command line which starts with a new head.
        key: what has been chosen of the file.
    """
    if all(name.startswith(_PAIR) for name in file) and fit.missing:
        return "the file holds a student and its teacher: choose one, --pretrained_key teacher"
    words = [f"{key}.{word}" if key else word for word in _words_before(network, file)]
    if words:
        named = " and ".join(repr(word) for word in words)
        options = " or ".join(f"--pretrained_key {word}" for word in words)
        return f"the file has this network under {named}: choose, {options}"
    architecture = _other_architecture(network, file)
    if architecture:
        return architecture
    variant = _other_width_or_patch(network, file)
    if variant:
        return variant
    if any(covered(name, ["projector"]) for name in file) and "head.weight" in fit.missing:
        return (
            "the file is a student that followed a teacher and has no classifier yet: tune it "
            "first, train.py --pretrained"
        )
    hints = [_other_depth(network, file), _other_tuning(fit), _other_head(fit, reset_option)]
    found = [hint for hint in hints if hint]
    return "; ".join(found) or "check that the file was made for this backbone and head"


def _words_before(network: Mapping[str, Shape], file: Mapping[str, Shape]) -> list[str]:
    """What stands before most names of ``network`` in the file, such as Lightning's ``model``."""
    parts = [name.partition(".") for name in file]
    words = Counter(word for word, _, rest in parts if rest in network)
    return [word for word, count in words.items() if 2 * count > len(network)]


def _other_architecture(network: Mapping[str, Shape], file: Mapping[str, Shape]) -> str:
    backbone = {name for name in network if not covered(name, ["head"])}
    wanted, found = guess_architecture(network), guess_architecture(file)
    unclear = wanted == found or _UNKNOWN in (wanted, found)
    if not backbone or (backbone.intersection(file) and unclear):
        return ""
    names = ", ".join(list(file)[:3]) or "no tensors"
    return (
        f"the file looks like {found} ({names}), while the network is {wanted}: give weights of "
        "the same architecture, under timm's, Google's, Hugging Face's or OpenAI's names"
    )


def guess_architecture(names: Iterable[str]) -> str:
    """The family that ``names`` are of, in words."""
    listed = list(names)
    for pattern, architecture in _ARCHITECTURES:
        if any(re.match(pattern, name) for name in listed):
            return architecture
    return _UNKNOWN


def _other_width_or_patch(network: Mapping[str, Shape], file: Mapping[str, Shape]) -> str:
    name = next((name for name in _PATCHES if name in network), "")
    wanted, found = network.get(name, ()), file.get(name, ())
    if len(wanted) != 4 or len(found) != 4 or wanted == found:
        return ""
    if (wanted[0], wanted[2:]) == (found[0], found[2:]):
        return f"the file is for images of {found[1]} channels, the network for {wanted[1]}"
    if wanted[2:] == found[2:] == (3, 3):
        return f"the stem of the file has {found[0]} channels, the network's {wanted[0]}"
    return (
        f"the file is {_variant(found)}, the network {_variant(wanted)}: choose the backbone of "
        "this file, or the file of this backbone"
    )


def _variant(patch_weight: Shape) -> str:
    """Such as ``vit_small with patch 16 (width 384)``."""
    width, _, patch, _ = patch_weight
    size = _SIZES.get(width)
    return f"{size} with patch {patch} (width {width})" if size else f"width {width}, patch {patch}"


def _other_depth(network: Mapping[str, Shape], file: Mapping[str, Shape]) -> str:
    wanted, found = _depth(network), _depth(file)
    if wanted == found or not wanted or not found:
        return ""
    return (
        f"the file has {found} blocks, the network {wanted}: choose the variant of this depth, or, "
        "where blocks were inserted, the tuning block_expansion of their training"
    )


def _depth(names: Iterable[str]) -> int:
    return len({match.group(1) for match in map(_BLOCK.match, names) if match})


def _other_tuning(fit: Fit) -> str:
    for slot, name in _TUNINGS.items():
        if any(f".{slot}." in parameter for parameter in fit.unexpected):
            return f"the file was tuned with {name}: add {slot} to the tuning modes{_MERGE[slot]}"
        if any(f".{slot}." in parameter for parameter in fit.missing):
            return f"the file was not tuned with {name}: leave {slot} out of the tuning modes"
    return ""


def _other_head(fit: Fit, reset_option: str) -> str:
    changed = [name for name in fit.misshaped if covered(name, ["head"])]
    for name in changed:
        offered, wanted = fit.misshaped[name]
        if len(offered) == len(wanted) and offered[1:] == wanted[1:]:
            return (
                f"the file's head has {offered[0]} classes, the network's {wanted[0]}: pass "
                f"{reset_option} to train a new head"
            )
    if changed or any(covered(name, ["head"]) for name in (*fit.missing, *fit.unexpected)):
        return f"the head differs: pass {reset_option} to train a new head, or choose the file's"
    return ""
