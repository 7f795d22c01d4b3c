"""What the objectives of DINO, iBOT and SMKD share: distributions, centres, temperatures."""

from __future__ import annotations

from collections.abc import Sequence

from mindspore import Parameter, Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.layers.channel_map import add_to_channels
from mindtune.networks.student_teacher import StudentTeacher
from mindtune.objectives.centre import Centre
from mindtune.objectives.prototype_rows import PrototypeRows

GLOBAL_CROPS = 2


class SelfDistillation(nn.Cell):
    """A student learns the teacher's distributions over prototypes.

    Crops are crop-major: the first crops of all images, then the second ones. The teacher sees both
    global crops whole, the student sees them masked and the local crops whole. Losses use the
    centres of the steps before; each step moves them afterwards.

    Attributes:
        temp, patch_temp: of the teacher, for class token and patches; scalars that whoever runs the
            schedule sets before every step.
    """

    def __init__(self, network: StudentTeacher, student_temp: float, chunk_rows: int) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.student_temp = student_temp
        count = network.student.head.last_layer.weight_g.shape[0]
        self.centre = Centre("centre", count)
        self.patch_centre = Centre("patch_centre", count)
        self.temp = _scheduled("teacher_temp")
        self.patch_temp = _scheduled("teacher_patch_temp")
        self.rows = PrototypeRows(student_temp, chunk_rows)

    def state(self) -> Sequence[Parameter]:
        """What a checkpoint must hold beside the network to continue exactly."""
        return [self.centre.value, self.patch_centre.value]

    def teacher_prototypes(self) -> Tensor:
        """(K, D), constant."""
        return ops.stop_gradient(self.network.teacher.head.last_layer())

    def teacher_units(self, tokens: Tensor) -> Tensor:
        """Unit vectors before the prototypes, (..., D), constant."""
        return ops.stop_gradient(self.network.teacher.head.embed(tokens))

    def masked_tokens(self, images: Tensor, mask: Tensor) -> Tensor:
        """The student's tokens (2B, 1 + N, C) of the global crops ``images`` under ``mask``."""
        backbone = self.network.student.backbone
        return backbone.tokens(backbone.embed_masked(images, mask))

    def student_distributions(self, tokens: Tensor, local: tuple[Tensor, ...]) -> Tensor:
        """Log-probabilities (V, B, K) of the class tokens of all crops.

        Args:
            tokens: of the global crops, (2B, 1 + N, C).
            local: the local crops (L B, 3, s, s), or nothing.
        """
        class_tokens = tokens[:, 0]
        for crops in local:
            class_tokens = ops.concat((class_tokens, self.network.student.backbone(crops)[1]), 0)
        logits = self.network.student.head(class_tokens)  # (V B, K)
        log_p = ops.log_softmax(logits * (1 / self.student_temp), -1)
        return log_p.reshape(-1, tokens.shape[0] // GLOBAL_CROPS, logits.shape[1])  # (V, B, K)

    def teacher_distributions(self, logits: Tensor) -> Tensor:
        """Probabilities (2, B, K) from class-token logits (2B, K), centred and sharpened."""
        centred = add_to_channels(logits, -self.centre.value.reshape(-1))
        p = ops.softmax(centred * (1 / self.temp), -1)
        return p.reshape(GLOBAL_CROPS, -1, logits.shape[1])  # (2, B, K)

    def row_loss(self, student: Tensor, teacher: Tensor, rows: tuple[Tensor, ...]) -> Tensor:
        """Cross-entropy of listed rows of unit vectors; ``rows``: student, teacher, weight."""
        return self.rows(
            student, self.network.student.head.last_layer(), teacher, self.teacher_prototypes(),
            self.patch_centre.value, self.patch_temp, rows[0], rows[1], rows[2],
        )[0]  # fmt: skip

    def move_centres(self, class_logits: Tensor, patch_units: Tensor) -> None:
        """Move both centres to this batch's mean logits; after the losses, which use the old ones.

        Logits are linear in the unit vectors, so the mean over patches is taken before the product
        with the prototypes.
        """
        width = patch_units.shape[-1]
        mean = ops.mean(patch_units.reshape(-1, width), 0, True)  # (1, D)
        self.centre(ops.mean(class_logits, 0, True))
        self.patch_centre(ops.dense(mean, self.teacher_prototypes()))


def _scheduled(name: str) -> Parameter:
    return Parameter(Tensor(1.0, mstype.float32), name=name, requires_grad=False)
