"""Pictures of what the class token of a ViT looks at."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from mindspore import Tensor, nn
from PIL import Image

from mindtune import assemble
from mindtune.backbones.backbone import TokenBackbone
from mindtune.config import HeadConfig, RunConfig, from_plain
from mindtune.data.normalise import normalise
from mindtune.data.source import read_image
from mindtune.data.transforms import EvalTransform
from mindtune.engine.device import use_device
from mindtune.errors import ConfigError
from mindtune.files import replace_atomically
from mindtune.pretrained import Pretrained, load_backbone, read_pretrained
from mindtune.run_folder import make_folder
from mindtune.weights.load import LoadReport
from mindtune.weights.position import square_grid

_HEAD_CLASSES = 2  # of a head that nobody asks
_COLUMNS = 4
_SMALLEST_PANEL = 224  # pixels
_IMAGE_SHARE = 0.35  # of the image under the colours of a map
_COLOURS = (  # from no attention to most of it
    (0, 0, 0), (60, 15, 110), (150, 40, 100), (225, 90, 45), (250, 170, 30), (255, 255, 180),
)  # fmt: skip


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


class ClassAttention(nn.Cell):
    """Images (B, 3, S, S) -> attention of the class token in the last block, (B, H, 1 + N)."""

    def __init__(self, backbone: TokenBackbone) -> None:
        super().__init__(auto_prefix=False)
        self.backbone = backbone

    def construct(self, images: Tensor) -> Tensor:
        return self.backbone.forward_attention(images)[:, :, 0]


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
    preprocessing = backbone.preprocessing
    view, network = EvalTransform(preprocessing), ClassAttention(backbone)
    make_folder(out)
    for image, name in zip(opened, names):
        pixels = view(image)
        batch = normalise(pixels[None], preprocessing.mean, preprocessing.std)
        attention = network(Tensor(batch)).asnumpy()[0, :, backbone.num_prefix_tokens :]  # (H, N)
        maps = attention.reshape(-1, *square_grid(attention.shape[1]))  # (H, rows, columns)
        picture = draw_attention(Image.fromarray(pixels), maps)
        replace_atomically(out / name, partial(picture.save, format="PNG"))
    return report, [out / name for name in names]


def draw_attention(image: Image.Image, maps: np.ndarray) -> Image.Image:
    """The image, under the mean of the maps, and under each map; row by row, four in a row.

    Args:
        image: RGB, square.
        maps: not negative, (H, rows, columns), spread over the image.

    Returns:
        An RGB picture of panels of the image's size, at least 224 pixels; bright is the most that a
        panel's map has.
    """
    side = max(image.width, _SMALLEST_PANEL)
    image = image.resize((side, side), Image.Resampling.BICUBIC)
    panels = [image, *(_under(image, one) for one in (maps.mean(0), *maps))]
    columns = min(_COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    picture = Image.new("RGB", (columns * side, rows * side), "white")
    for place, panel in enumerate(panels):
        picture.paste(panel, (place % columns * side, place // columns * side))
    return picture


def _under(image: Image.Image, attention: np.ndarray) -> Image.Image:
    share = (attention / max(float(attention.max()), 1e-12)).astype(np.float32)
    spread = Image.fromarray(share).resize(image.size, Image.Resampling.BICUBIC)
    place = np.clip(np.asarray(spread), 0, 1) * (len(_COLOURS) - 1)
    steps = np.arange(len(_COLOURS))
    channels = [np.interp(place, steps, channel) for channel in zip(*_COLOURS)]
    colours = Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))
    return Image.blend(colours, image, _IMAGE_SHARE)


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
