"""A backbone and a projector as one network: what follows a teacher."""

from __future__ import annotations

from mindspore import Parameter, Tensor, nn

from mindtune.layers.linear import fan_in_linear
from mindtune.parameters import weights_of
from mindtune.preprocessing import Preprocessing

_BACKBONE = "backbone."


class Student(nn.Cell):
    """Images (B, 3, S, S) -> tokens (B, N, Ct) as wide as the teacher's.

    The projector is one linear map of the tokens after the backbone's final norm, ``projector`` of
    shape (Ct, C), started uniformly in +-1 / sqrt(C) (Feature Distillation, arXiv 2205.14141; its
    authors keep it as a convolution of kernel 1, ``decoder.0``). Parameters of the backbone carry
    its library's names without a prefix, as in ``Classifier``.

    Args:
        backbone: what is wanted in the end.
        width: Ct.
        first_token: tokens before this one are not projected.
    """

    def __init__(self, backbone: nn.Cell, width: int, first_token: int = 0) -> None:
        super().__init__()
        self.backbone = backbone
        self.projector = fan_in_linear(backbone.num_features, width)
        self.first_token = first_token
        for name, parameter in self.parameters_and_names():
            parameter.name = name[len(_BACKBONE) :] if name.startswith(_BACKBONE) else name

    @property
    def preprocessing(self) -> Preprocessing:
        """How to prepare images."""
        return self.backbone.preprocessing

    def construct(self, images: Tensor) -> Tensor:
        tokens, _ = self.backbone(images)
        return self.projector(tokens[:, self.first_token :])

    def parameter_groups(self) -> dict[str, list[Parameter]]:
        """All weights: the backbone's groups from the input up, then ``projector``."""
        return {**self.backbone.layer_groups(), "projector": weights_of(self.projector)}
