"""A student and its teacher, the same backbone and projection head twice, as one network."""

from __future__ import annotations

from mindspore import Parameter, Tensor, nn

from mindtune.backbones import MultiCropViT
from mindtune.heads.projection import ProjectionHead
from mindtune.parameters import named_weights, weights_of


class Projected(nn.Cell):
    """A backbone and its projection head."""

    def __init__(self, backbone: MultiCropViT, head: ProjectionHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def construct(self, images: Tensor) -> Tensor:
        """Logits of the class token, (B, K)."""
        return self.head(self.backbone(images)[1])


class StudentTeacher(nn.Cell):
    """Both networks of DINO, iBOT and SMKD, saved side by side as ``student.`` and ``teacher.``.

    The teacher trains by no gradient (``mindtune.engine.follower`` moves it); it sees no mask, so
    the student's ``masked_embed`` is all that it has not. It starts as the student's copy.
    """

    def __init__(self, student: Projected, teacher: Projected) -> None:
        super().__init__()
        self.student = student
        self.teacher = teacher
        for name, parameter in self.parameters_and_names():
            parameter.name = name
        for parameter in weights_of(teacher):
            parameter.requires_grad = False
        self.copy_student()

    @property
    def backbone(self) -> MultiCropViT:
        """The one that trains."""
        return self.student.backbone

    def pairs(self) -> list[tuple[Parameter, Parameter]]:
        """Every weight of the teacher after the student's that it follows."""
        student = named_weights(self.student)
        return [(student[name], p) for name, p in named_weights(self.teacher).items()]

    def copy_student(self) -> None:
        """Give the teacher the student's weights."""
        for student, teacher in self.pairs():
            teacher.set_data(student.value().copy())

    def construct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features of the evaluation network, the teacher's backbone: tokens and class token."""
        return self.teacher.backbone(images)

    def parameter_groups(self) -> dict[str, list[Parameter]]:
        """The student's weights by depth and its head, then the teacher's."""
        groups = {f"student.{k}": v for k, v in self.student.backbone.layer_groups().items()}
        groups["student.head"] = weights_of(self.student.head)
        return {**groups, "teacher": weights_of(self.teacher)}
