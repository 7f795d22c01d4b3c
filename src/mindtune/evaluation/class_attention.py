"""What the class token of a ViT looks at, as a picture."""

from __future__ import annotations

import math

import numpy as np
from mindspore import Tensor, nn
from PIL import Image

from mindtune.backbones.backbone import TokenBackbone
from mindtune.data.normalise import normalise
from mindtune.data.transforms import EvalTransform
from mindtune.weights.position import square_grid

_COLUMNS = 4
_SMALLEST_PANEL = 224  # pixels
_IMAGE_SHARE = 0.35  # of the image under the colours of a map
_COLOURS = (  # from no attention to most of it
    (0, 0, 0), (60, 15, 110), (150, 40, 100), (225, 90, 45), (250, 170, 30), (255, 255, 180),
)  # fmt: skip


class ClassAttention(nn.Cell):
    """Images (B, 3, S, S) -> attention of the class token in the last block, (B, H, 1 + N)."""

    def __init__(self, backbone: TokenBackbone) -> None:
        super().__init__(auto_prefix=False)
        self.backbone = backbone

    def construct(self, images: Tensor) -> Tensor:
        return self.backbone.forward_attention(images)[:, :, 0]


def picture_attention(network: ClassAttention, image: Image.Image) -> Image.Image:
    """The crop of ``image`` (RGB) that the network sees, and its attention over it."""
    backbone = network.backbone
    preprocessing = backbone.preprocessing
    pixels = EvalTransform(preprocessing)(image)
    batch = normalise(pixels[None], preprocessing.mean, preprocessing.std)
    attention = network(Tensor(batch)).asnumpy()[0, :, backbone.num_prefix_tokens :]  # (H, N)
    maps = attention.reshape(-1, *square_grid(attention.shape[1]))  # (H, rows, columns)
    return draw_attention(Image.fromarray(pixels), maps)


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
