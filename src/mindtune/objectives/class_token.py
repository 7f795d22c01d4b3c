"""Losses between class-token distributions of teacher and student views (SMKD, section 3.2).

Teacher views are ``q`` < G, the global crops; student views ``v`` < V, the same G and then the
local ones. ``CE(q i, v j)`` is the cross-entropy between teacher view q of image i and student view
v of image j. It is linear in both sides, so that views are summed before images are multiplied.
"""

from __future__ import annotations

from mindspore import Tensor, ops
from mindspore import dtype as mstype


def cross_view_loss(teacher: Tensor, student: Tensor) -> Tensor:
    """DINO's: mean of ``CE(q i, v i)`` over images and over pairs of different crops.

    Args:
        teacher: probabilities (G, B, K).
        student: log-probabilities (V, B, K).
    """
    views, images = teacher.shape[0], teacher.shape[1]
    same_crop = ops.sum(teacher * student[:views])
    all_crops = ops.sum(ops.sum(teacher, 0) * ops.sum(student, 0))
    return (same_crop - all_crops) / (views * (student.shape[0] - 1) * images)


def same_class_loss(
    teacher: Tensor, everyone: Tensor, student: Tensor, labels: Tensor, first: int
) -> Tensor:
    """SMKD's: one mean over pairs of different images of a class, and of an image's local crops.

    Sum over global crops q and v (q = v too) and images i != j of one class of ``CE(q i, v j)``,
    plus sum over q, local crops v and images of ``CE(q i, v i)``, divided by the number of terms.
    The global crops of one image are not compared with each other, as in the released code. Without
    any term the loss is 0; the released code stops with NaN.

    Args:
        teacher: probabilities of this rank's images, (G, B, K).
        everyone: those of the images of all ranks, summed over q, (A, K); this rank's alone to look
            for partners among them only.
        student: log-probabilities (V, B, K).
        labels: of ``everyone``, int32 (A,).
        first: place of this rank's first image among them.

    Returns:
        This rank's share: the mean over ranks is the loss of all images together.
    """
    views, images = teacher.shape[0], teacher.shape[1]
    local = student.shape[0] - views
    pairs = same_class(labels)  # (A, A)
    scores = ops.dense(everyone, ops.sum(student[:views], 0))  # (A, B)
    total = -ops.sum(scores * pairs[:, first : first + images])
    if local > 0:
        total = total - ops.sum(ops.sum(teacher, 0) * ops.sum(student[views:], 0))
    share = images / labels.shape[0]
    terms = views * views * share * ops.sum(pairs) + views * local * images
    return total / ops.maximum(terms, Tensor(1.0, mstype.float32))


def same_class(labels: Tensor) -> Tensor:
    """1 where two different images have one label, float32 (A, A)."""
    count = labels.shape[0]
    equal = ops.equal(labels.expand_dims(0), labels.expand_dims(1))
    return ops.cast(equal, mstype.float32) - ops.eye(count, count, mstype.float32)
