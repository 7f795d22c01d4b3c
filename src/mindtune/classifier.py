"""A backbone and a head as one network."""

from __future__ import annotations

from mindspore import Parameter, Tensor, nn

from mindtune.parameters import weights_of

_BACKBONE = "backbone."


class Classifier(nn.Cell):
    """Images (B, 3, S, S) -> logits (B, K).

    Parameters carry the names of timm and of the papers' files: the backbone's without a prefix
    (``blocks.0.attn.qkv.weight``), the head's under ``head.``.
    """

    def __init__(self, backbone: nn.Cell, head: nn.Cell) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        for name, parameter in self.parameters_and_names():
            parameter.name = name[len(_BACKBONE) :] if name.startswith(_BACKBONE) else name

    def construct(self, images: Tensor) -> Tensor:
        tokens, pooled = self.backbone(images)
        return self.head(tokens, pooled)

    def parameter_groups(self) -> dict[str, list[Parameter]]:
        """All weights: the backbone's groups from the input up, then ``head``."""
        return {**self.backbone.layer_groups(), "head": weights_of(self.head)}


class UnnormedClassifier(Classifier):
    """The same with a head that reads the tokens before the backbone's final norm.

    Its pooled feature still comes after the norm. The Moment Probing authors' networks on Swin,
    ConvNeXt and CLIP are of this kind.
    """

    def construct(self, images: Tensor) -> Tensor:
        tokens = self.backbone.forward_tokens(images)
        _, pooled = self.backbone.features(tokens)
        return self.head(tokens, pooled)


CLASSIFIERS: dict[str, type[Classifier]] = {"normed": Classifier, "unnormed": UnnormedClassifier}
