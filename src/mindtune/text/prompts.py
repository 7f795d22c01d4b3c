"""What CLIP is asked: templates by data set, and class names put into them.

ImageNet's seven are those that the CLIP authors chose out of eighty (their notebook, MIT); the
others are CoOp's (Zhou et al., IJCV 2022), one a data set.
"""

from __future__ import annotations

from collections.abc import Sequence

from mindtune.errors import ConfigError

DEFAULT_TEMPLATES = ("a photo of a {}.",)

IMAGENET_TEMPLATES = (
    "itap of a {}.",
    "a bad photo of the {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
)

_FLOWERS = ("a photo of a {}, a type of flower.",)
_FOOD = ("a photo of {}, a type of food.",)
_PETS = ("a photo of a {}, a type of pet.",)
_TEXTURES = ("{} texture.",)

_TEMPLATES = {
    "imagenet": IMAGENET_TEMPLATES,
    "imagenet_a": IMAGENET_TEMPLATES,
    "imagenet_r": IMAGENET_TEMPLATES,
    "imagenet_v2": IMAGENET_TEMPLATES,
    "imagenet_sketch": IMAGENET_TEMPLATES,
    "flowers102": _FLOWERS,
    "coop_oxford_flowers": _FLOWERS,
    "food101": _FOOD,
    "coop_food101": _FOOD,
    "oxford_pets": _PETS,
    "coop_oxford_pets": _PETS,
    "dtd": _TEXTURES,
    "coop_dtd": _TEXTURES,
    "fgvc_aircraft": ("a photo of a {}, a type of aircraft.",),
    "coop_eurosat": ("a centered satellite photo of {}.",),
    "coop_ucf101": ("a photo of a person doing {}.",),
}


def templates_of(dataset: str) -> tuple[str, ...]:
    """The templates for the registered data set ``dataset``, ``DEFAULT_TEMPLATES`` for others."""
    return _TEMPLATES.get(dataset, DEFAULT_TEMPLATES)


def check_templates(templates: Sequence[str]) -> None:
    """Refuse templates that no class name fits into.

    Raises:
        ConfigError: none, or one that does not hold ``{}`` exactly once.
    """
    if not templates:
        raise ConfigError("text.templates: got an empty list, expected at least one template")
    for template in templates:
        if template.count("{}") != 1:
            raise ConfigError(
                f"text.templates: got {template!r}, expected {{}} once, in the place of the class "
                "name, such as 'a photo of a {}.'"
            )


def prompts_for(class_name: str, templates: Sequence[str]) -> list[str]:
    """The prompts of one class: its name, underscores as spaces, in each template.

    Case and articles are left as they are.
    """
    readable = class_name.replace("_", " ")
    return [template.replace("{}", readable) for template in templates]
