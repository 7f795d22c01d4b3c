"""A pre-trained network that others are trained to follow."""

from __future__ import annotations

from typing import Any

from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.layers.renormalise import Renormalise
from mindtune.layers.resize import Resize
from mindtune.preprocessing import Preprocessing
from mindtune.tuning.apply import freeze


class Teacher(nn.Cell):
    """Images (B, 3, S, S) prepared for a student -> the teacher's tokens (B, N, C) in float32.

    The student's view is resized and normalised again where the teacher expects other pixels. The
    teacher is frozen, passes no gradient on, and stays in evaluation mode whatever ``set_train``
    asks of it or of a Cell that holds it: no drop path, no moving statistics.

    Args:
        backbone: with its weights.
        images: how the student's images are prepared.
        first_token: tokens before this one are left out.
    """

    def __init__(self, backbone: nn.Cell, images: Preprocessing, first_token: int = 0) -> None:
        super().__init__(auto_prefix=False)
        freeze(backbone)
        for name, parameter in backbone.parameters_and_names():
            parameter.name = f"teacher.{name}"  # the student may be of the same kind
        self.backbone = backbone
        self.first_token = first_token
        self.prepare = _preparation(images, backbone.preprocessing)
        self.set_train(False)

    def add_flags_recursive(self, **flags: Any) -> nn.Cell:
        """What ``set_train`` of this Cell and of those around it calls; training is refused."""
        if "training" in flags:
            flags["training"] = False
        return super().add_flags_recursive(**flags)

    def construct(self, images: Tensor) -> Tensor:
        tokens, _ = self.backbone(self.prepare(images))
        return ops.stop_gradient(ops.cast(tokens[:, self.first_token :], mstype.float32))


def _preparation(given: Preprocessing, wanted: Preprocessing) -> nn.SequentialCell:
    """From images prepared as ``given`` to images prepared as ``wanted``."""
    steps: list[nn.Cell] = []
    if given.input_size != wanted.input_size:
        steps.append(Resize(given.input_size, wanted.input_size))
    if (given.mean, given.std) != (wanted.mean, wanted.std):
        steps.append(Renormalise((given.mean, given.std), (wanted.mean, wanted.std)))
    return nn.SequentialCell(steps or [nn.Identity()])
