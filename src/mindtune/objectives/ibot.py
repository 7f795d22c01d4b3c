"""iBOT (Zhou et al., ICLR 2022), the first phase of SMKD; DINO is the case without masked loss."""

from __future__ import annotations

from mindspore import Tensor, ops

from mindtune.networks.student_teacher import StudentTeacher
from mindtune.objectives.class_token import cross_view_loss
from mindtune.objectives.self_distillation import SelfDistillation


class IbotObjective(SelfDistillation):
    """``cls_weight * L_cls + mim_weight * L_mim``.

    ``L_cls`` is DINO's loss between crops of an image; ``L_mim`` the mean over global crops of the
    mean cross-entropy of their masked patches, an unmasked crop counting 0. Only masked patches
    pass the student's head and the prototypes; the released code computes all and drops the others.

    Args:
        network: student and teacher.
        cls_weight: lambda 1.
        mim_weight: lambda 3; 0 is DINO.
        student_temp: the student's temperature.
        chunk_rows: patches whose logits exist at a time; see ``PrototypeRows``.
    """

    term_names = ("cls", "mim")

    def __init__(
        self,
        network: StudentTeacher,
        cls_weight: float = 1.0,
        mim_weight: float = 1.0,
        student_temp: float = 0.1,
        chunk_rows: int = 2048,
    ) -> None:
        super().__init__(network, student_temp, chunk_rows)
        self.cls_weight = cls_weight
        self.mim_weight = mim_weight

    def construct(
        self, images: Tensor, mask: Tensor, masked: Tensor, masked_weights: Tensor, *local: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Loss and terms.

        Args:
            images: global crops (2B, 3, S, S).
            mask: which patches the student does not see, bool (2B, N).
            masked: their rows among all 2B * N, int32 (R,), filled up.
            masked_weights: 1 / (2B * masked patches of the crop), (R,); 0 where filled up.
            local: local crops (L B, 3, s, s), if there are any.
        """
        backbone = self.network.teacher.backbone
        units = self.teacher_units(backbone.tokens(backbone.embed(images)))  # (2B, 1 + N, D)
        class_logits = ops.dense(units[:, 0], self.teacher_prototypes())  # (2B, K)
        patch_units = units[:, 1:]  # (2B, N, D)
        tokens = self.masked_tokens(images, mask)  # (2B, 1 + N, C)
        cls = self.cls_weight * cross_view_loss(
            self.teacher_distributions(class_logits), self.student_distributions(tokens, local)
        )
        mim = ops.zeros_like(cls)
        if self.mim_weight > 0:
            flat = tokens[:, 1:].reshape(-1, tokens.shape[2])  # (2B N, C)
            student = self.network.student.head.embed(ops.gather(flat, masked, 0))  # (R, D)
            own = ops.arange(masked.shape[0]).astype(masked.dtype)
            targets = patch_units.reshape(-1, units.shape[2])  # (2B N, D)
            mim = self.mim_weight * self.row_loss(student, targets, (own, masked, masked_weights))
        self.move_centres(class_logits, patch_units)
        return cls + mim, (cls, mim)
