"""Pictures of what the class token of a ViT looks at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mindtune import assemble
from mindtune.backbones.backbone import TokenBackbone
from mindtune.config import HeadConfig, RunConfig, from_plain
from mindtune.data.source import read_image
from mindtune.engine.device import use_device
from mindtune.errors import ConfigError
from mindtune.evaluation.class_attention import ClassAttention, attention_panels, tile
from mindtune.files import replace_atomically
from mindtune.pretrained import Pretrained, load_backbone, read_pretrained
from mindtune.run.run_folder import make_folder
from mindtune.weights.load import LoadReport

_HEAD_CLASSES = 2  # of a head that nobody asks


@dataclass(frozen=True)
class AttentionOptions:
    """Whose attention is drawn; what is left out is what the weight file says.

    Attributes:
        pretrained: weight file or run folder.
        pretrained_key: which network of the weight file, such as teacher.
        backbone: a registered backbone.
        image_size: side of the input in pixels, any that the patches divide.
        position_resize: how positions are resampled for it, as the option of train.py.
    """

    pretrained: str
    pretrained_key: str | None = None
    backbone: str | None = None
    image_size: int | None = None
    position_resize: str | None = None


def write_attention_pictures(
    images: Sequence[Path], options: AttentionOptions, out: Path
) -> tuple[LoadReport, list[Path]]:
    """Write ``<image>_attention.png`` into ``out`` for each of ``images``.

    Returns:
        What became of the weights, and the files written.

    Raises:
        UserError: weights, backbone or images do not fit, or cannot be read.
    """
    names = [f"{image.stem}_attention.png" for image in images]
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ConfigError(
            f"images: got two for which {twice[0]} would be written, expected different file names"
        )
    opened = [read_image(image, str(image)) for image in images]
    backbone, report = _open_backbone(options)
    network = ClassAttention(backbone)
    make_folder(out)
    for image, name in zip(opened, names):
        picture = tile(attention_panels(network, image))
        replace_atomically(out / name, partial(picture.save, format="PNG"))
    return report, [out / name for name in names]


def _open_backbone(options: AttentionOptions) -> tuple[TokenBackbone, LoadReport]:
    use_device("CPU", 0)
    pretrained = read_pretrained(options.pretrained, options.pretrained_key)
    config = _config_of(pretrained, options)
    network = assemble.build_classifier(config, _HEAD_CLASSES, pretrained.preprocessing)
    backbone = network.backbone
    if not isinstance(backbone, TokenBackbone):
        raise ConfigError(
            f"backbone: got {config.backbone.name}, which has no class token, expected a ViT"
        )
    report = load_backbone(network, pretrained, config.position_resize)
    backbone.set_train(False)
    return backbone, report


def _config_of(pretrained: Pretrained, options: AttentionOptions) -> RunConfig:
    """What the file was made with, a plain head in the place of its own, under the options."""
    stored = pretrained.header.get("config")
    if stored is None and options.backbone is None:
        raise ConfigError(
            f"backbone: {pretrained.path} does not say its own, expected --backbone NAME; "
            "mindtune weights FILE lists those that it fits"
        )
    config = replace(from_plain(RunConfig, stored or {}), head=HeadConfig())
    chosen = {"name": options.backbone, "image_size": options.image_size}
    chosen = {key: value for key, value in chosen.items() if value is not None}
    backbone = replace(config.backbone, **chosen)  # type: ignore[arg-type]
    resize = options.position_resize or config.position_resize
    return replace(config, backbone=backbone, position_resize=resize)  # type: ignore[arg-type]
