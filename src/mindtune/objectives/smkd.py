"""SMKD (Lin et al., CVPR 2023): distillation between images of a class, class token and patches."""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from mindtune.layers.unit_rows import UnitRows
from mindtune.networks.student_teacher import StudentTeacher
from mindtune.objectives.class_token import same_class_loss
from mindtune.objectives.patch_matching import create_matching
from mindtune.objectives.self_distillation import GLOBAL_CROPS, SelfDistillation


class SmkdObjective(SelfDistillation):
    """``cls_weight * L_cls + patch_weight * L_patch + mim_weight * L_mim``, the second phase.

    ``L_cls`` is ``same_class_loss``, ``L_patch`` the mean cross-entropy between matched patches of
    images of a class (``patch_matching``), ``L_mim`` iBOT's. A batch without two images of a class
    has no ``L_patch``: 0, where the released code stops with NaN.

    Args:
        network: student and teacher.
        cls_weight, patch_weight, mim_weight: lambda 1, 2 and 3.
        patch_match: ``paper``, or ``released`` for what the released code computes.
        attention_weighted: patches count by the teacher's attention rather than equally.
        gather: brings the teacher's outputs of all ranks together, crop-major (2B, ...) ->
            (2A, ...); the identity compares images of one rank only, as the authors do.
        first: place of this rank's first image among the gathered ones.
        student_temp: the student's temperature.
        chunk_rows: patches whose logits exist at a time; see ``PrototypeRows``.
    """

    term_names = ("cls", "patch", "mim")

    def __init__(
        self,
        network: StudentTeacher,
        cls_weight: float = 1.0,
        patch_weight: float = 0.45,
        mim_weight: float = 0.0,
        patch_match: str = "paper",
        attention_weighted: bool = False,
        gather: nn.Cell | None = None,
        first: int = 0,
        student_temp: float = 0.1,
        chunk_rows: int = 2048,
    ) -> None:
        super().__init__(network, student_temp, chunk_rows)
        self.cls_weight = cls_weight
        self.patch_weight = patch_weight
        self.mim_weight = mim_weight
        self.attention_weighted = attention_weighted
        self.matching = create_matching(patch_match)
        self.gather = nn.Identity() if gather is None else gather
        self.first = first
        self.to_units = UnitRows()

    def construct(
        self,
        images: Tensor,
        mask: Tensor,
        masked: Tensor,
        masked_weights: Tensor,
        labels: Tensor,
        pairs: Tensor,
        pair_weights: Tensor,
        *local: Tensor,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Loss and terms.

        Args:
            images, mask, masked, masked_weights, local: as ``IbotObjective``.
            labels: of the images among which partners are looked for, int32 (A,).
            pairs: of images of a class, int32 (P, 3), see ``patch_matching``.
            pair_weights: (P,), summing to 1/2 over all ranks' mean; 0 where filled up.
        """
        teacher_tokens, attention = self.teacher_tokens(images)  # (2B, 1 + N, C), (2B, N)
        units = self.teacher_units(teacher_tokens)  # (2B, 1 + N, D)
        class_logits = ops.dense(units[:, 0], self.teacher_prototypes())  # (2B, K)
        patch_units = units[:, 1:]  # (2B, N, D)
        tokens = self.masked_tokens(images, mask)  # (2B, 1 + N, C)
        cls = self.cls_weight * self.class_loss(class_logits, tokens, labels, local)
        patch, mim = ops.zeros_like(cls), ops.zeros_like(cls)
        student = self.network.student.head.embed(tokens[:, 1:])  # (2B, N, D)
        student = student.reshape(-1, units.shape[2])  # (2B N, D)
        if self.patch_weight > 0:
            rows = self.matching(
                ops.stop_gradient(self.to_units(tokens[:, 1:])),
                self.gather(self.to_units(teacher_tokens[:, 1:])),
                self.gather(attention),
                pairs,
                pair_weights,
            )
            everyone = self.gather(patch_units).reshape(-1, units.shape[2])  # (2A N, D)
            patch = self.patch_weight * self.row_loss(student, everyone, rows)
        if self.mim_weight > 0:
            own = patch_units.reshape(-1, units.shape[2])  # (2B N, D)
            mim = self.mim_weight * self.row_loss(student, own, (masked, masked, masked_weights))
        self.move_centres(class_logits, patch_units)
        return cls + patch + mim, (cls, patch, mim)

    def class_loss(
        self, class_logits: Tensor, tokens: Tensor, labels: Tensor, local: tuple[Tensor, ...]
    ) -> Tensor:
        """``L_cls`` from the teacher's logits (2B, K) and the student's tokens (2B, 1 + N, C)."""
        teacher = self.teacher_distributions(class_logits)  # (2, B, K)
        everyone = self.gather(teacher.reshape(class_logits.shape))  # (2A, K)
        both_views = everyone.reshape(GLOBAL_CROPS, -1, class_logits.shape[1])  # (2, A, K)
        return same_class_loss(
            teacher, ops.sum(both_views, 0), self.student_distributions(tokens, local), labels,
            self.first,
        )  # fmt: skip

    def teacher_tokens(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (2B, 1 + N, C) and what share each patch has, (2B, N), rows summing to 1."""
        backbone = self.network.teacher.backbone
        x = backbone.embed(images)
        if not self.attention_weighted:
            tokens = ops.stop_gradient(backbone.tokens(x))
            count = tokens.shape[1] - 1
            return tokens, ops.ones_like(tokens[:, 1:, 0]) / count
        tokens, attention = backbone.tokens_and_attention(x)
        looks = ops.mean(attention[:, :, 0, 1:], 1)  # (2B, N)
        shares = looks / ops.sum(looks, dim=-1, keepdim=True)
        return ops.stop_gradient(tokens), ops.stop_gradient(shares)
