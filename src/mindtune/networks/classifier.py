"""A backbone and a head as one network."""

from __future__ import annotations

from mindspore import Parameter, Tensor, nn

from mindtune.heads.linear import LinearHead
from mindtune.parameters import weights_of
from mindtune.preprocessing import Preprocessing

_BACKBONE, _HEAD = "backbone.", "head."
_FC = "fc"  # what torchvision and timm call the linear classifier of a ResNet


class Classifier(nn.Cell):
    """Images (B, 3, S, S) -> logits (B, K).

    Parameters carry the names of the backbone's library and of the papers' files: the backbone's
    without a prefix (``blocks.0.attn.qkv.weight``), the head's under ``head.``, but a linear one on
    a ResNet under ``fc.``.
    """

    def __init__(self, backbone: nn.Cell, head: nn.Cell) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        for name, parameter in self.parameters_and_names():
            parameter.name = self._library_name(name)

    def _library_name(self, place: str) -> str:
        """The name of the parameter at ``place`` of this Cell."""
        if place.startswith(_BACKBONE):
            return place[len(_BACKBONE) :]
        if self.backbone.classifier == _FC and isinstance(self.head, LinearHead):
            return f"{_FC}.{place[len(_HEAD) :]}"
        return place

    @property
    def preprocessing(self) -> Preprocessing:
        """How to prepare images."""
        return self.backbone.preprocessing

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
