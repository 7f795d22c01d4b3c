"""CLIP, images and texts in one space (Radford et al., ICML 2021), under OpenAI's names."""

from __future__ import annotations

import math

from mindspore import Parameter, Tensor, ops

from mindtune.backbones.clip_resnet import CLIPResNetArchitecture, ModifiedResNetTower
from mindtune.backbones.clip_text import CLIPTextArchitecture, TextEncoder
from mindtune.backbones.clip_vit import CLIPVisionArchitecture, ProjectedVisionTower

_LOGIT_SCALE = math.log(1 / 0.07)


class CLIP(TextEncoder):
    """Both towers: ``construct(images, ids)`` gives image (B, D) and text features (T, D).

    The features are raw, as OpenAI's ``encode_image`` and ``encode_text``; ``similarities`` gives
    the scaled cosines. The names of the text tower lie at the root and those of the image tower
    under ``visual``, which is why one is the other's subclass.
    """

    def __init__(
        self,
        vision: CLIPVisionArchitecture | CLIPResNetArchitecture,
        text: CLIPTextArchitecture,
        image_size: int,
    ) -> None:
        super().__init__(text)
        if isinstance(vision, CLIPResNetArchitecture):
            self.visual = ModifiedResNetTower(vision, image_size)
        else:
            self.visual = ProjectedVisionTower(vision, image_size, text.embed_dim)
        self.logit_scale = Parameter(Tensor(_LOGIT_SCALE), name="logit_scale")

    def encode_image(self, images: Tensor) -> Tensor:
        """Image features (B, D), not normalised."""
        return self.visual.encode(images)

    def similarities(self, image_features: Tensor, text_features: Tensor) -> Tensor:
        """exp(logit_scale) * cosine, (B, T)."""
        scaled = ops.exp(self.logit_scale) * _unit(image_features)
        return ops.matmul(scaled, ops.transpose(_unit(text_features), (1, 0)))

    def construct(self, images: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        return self.encode_image(images), self.encode_text(ids)


def _unit(rows: Tensor) -> Tensor:
    """Rows (B, D) of length 1."""
    return rows / ops.sqrt(ops.sum(rows * rows, -1, True))
