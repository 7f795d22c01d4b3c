"""What few-shot classifiers compare: class token and patches that attention picks, length 1."""

from __future__ import annotations

from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.backbones.backbone import TokenBackbone
from mindtune.errors import ConfigError

_SMALLEST_NORM = 1e-12


class FewShotFeatures(nn.Cell):
    """Images (B, 3, S, S) -> float32 features (B, ``num_features``).

    Args:
        backbone: with its weights; its parameters keep their names.
    """

    parts = 1

    def __init__(self, backbone: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.backbone = backbone
        self.num_features = self.parts * backbone.num_features


class ClassFeatures(FewShotFeatures):
    """The class token, or what else the backbone calls its pooled feature."""

    def construct(self, images: Tensor) -> Tensor:
        _, pooled = self.backbone(images)
        return _unit(pooled)


class AttentiveFeatures(FewShotFeatures):
    """The mean of the patches, each weighted by the last attention that the class token pays it.

    Weights are means over heads. SMKD (Lin et al., CVPR 2023), section 4.1 and released code.

    Raises:
        ConfigError: the backbone has no class token.
    """

    def __init__(self, backbone: nn.Cell) -> None:
        super().__init__(backbone)
        if not isinstance(backbone, TokenBackbone):
            raise ConfigError(
                "few_shot.features: got a backbone without a class token, whose attention there is "
                "none of, expected a ViT; use --few_shot.features cls"
            )
        self.first_patch = backbone.num_prefix_tokens
        self.product = ops.BatchMatMul()

    def features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled feature (B, C), and mean of the patches (B, C) at length 1."""
        tokens, attention = self.backbone.forward_tokens_and_attention(images)
        tokens, pooled = self.backbone.features(tokens)
        patches = ops.cast(tokens[:, self.first_patch :], mstype.float32)  # (B, N, C)
        weights = ops.mean(attention[:, :, 0, self.first_patch :], 1, True)  # (B, 1, N)
        weights = weights / ops.sum(weights, -1, True)
        mean = self.product(weights, patches).reshape(-1, patches.shape[2])  # (B, C)
        return pooled, _unit(mean)

    def construct(self, images: Tensor) -> Tensor:
        _, mean = self.features(images)
        return mean


class ClassAndAttentiveFeatures(AttentiveFeatures):
    """Both of them side by side: SMKD's feature."""

    parts = 2

    def construct(self, images: Tensor) -> Tensor:
        pooled, mean = self.features(images)
        return ops.concat((_unit(pooled), mean), axis=1)


class PixelFeatures(FewShotFeatures):
    """The prepared image itself, to compare with: the weights have no influence."""

    def __init__(self, backbone: nn.Cell) -> None:
        super().__init__(backbone)
        self.num_features = 3 * backbone.preprocessing.input_size**2

    def construct(self, images: Tensor) -> Tensor:
        return _unit(images.reshape(-1, self.num_features))  # (B, 3 * S * S)


FEW_SHOT_FEATURES: dict[str, type[FewShotFeatures]] = {
    "cls": ClassFeatures,
    "mean": AttentiveFeatures,
    "both": ClassAndAttentiveFeatures,
    "pixels": PixelFeatures,
}


def _unit(features: Tensor) -> Tensor:
    """Features (B, C) at length 1, in float32."""
    features = ops.cast(features, mstype.float32)
    length = ops.sqrt(ops.sum(features * features, -1, True))
    return features / ops.maximum(length, _SMALLEST_NORM)
