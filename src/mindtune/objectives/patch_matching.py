"""Which patches of two images of a class are compared (SMKD, section 3.3).

Arrays of patches are crop-major: the first global crops of all images, then the second ones; row
``(view * images + image) * N + patch`` of their flat form. ``pairs`` int32 (P, 3) names for each
pair of images of a class the teacher's, the student's, and the first image of that class in the
batch. A matching says for both orders of views which student row learns from which teacher row.
"""

from __future__ import annotations

from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.errors import check_option

MATCHINGS = ("paper", "released")
_PAIRS_A_PIECE = 64

Rows = tuple[Tensor, Tensor, Tensor]


class Matching(nn.Cell):
    """Student and teacher rows of every pair, for both orders of views; ``match`` says which."""

    def __init__(self) -> None:
        super().__init__(auto_prefix=False)
        self.nearest = ops.Argmax(axis=-1, output_type=mstype.int32)

    def construct(
        self,
        student: Tensor,
        teacher: Tensor,
        attention: Tensor,
        pairs: Tensor,
        pair_weights: Tensor,
    ) -> Rows:
        """Student rows, teacher rows and weights, each (2 * P * N,).

        Args:
            student: unit tokens of the patches, (2B, N, C).
            teacher: the same of the images of all ranks, (2A, N, C).
            attention: share of each teacher patch in its image, (2A, N).
            pairs: int32 (P, 3).
            pair_weights: (P,), 0 where the list is filled up.
        """
        student_rows: tuple[Tensor, ...] = ()
        teacher_rows: tuple[Tensor, ...] = ()
        weights: tuple[Tensor, ...] = ()
        for view in (0, 1):
            matched, teaching, attended = self.match(student, teacher, pairs, view)
            student_rows += (matched,)
            teacher_rows += (_rows_of(teaching, student.shape[1]),)
            weights += (ops.gather(attention, attended, 0) * pair_weights.expand_dims(1),)
        return _flat(student_rows), _flat(teacher_rows), _flat(weights)

    def match(self, student: Tensor, teacher: Tensor, pairs: Tensor, view: int) -> Rows:
        """Of students of crop ``view``: rows (P, N), teaching images and attended ones, (P,)."""
        raise NotImplementedError


class PaperMatching(Matching):
    """Every teacher patch teaches the most similar patch of the partner's other crop.

    ``m* = argmax_m cos(student patch m of image j, teacher patch p of image i)``, as the paper
    words it; ties go to the first. The weight of a pair is shared by its patches: equally, or by
    the teacher's attention from its class token.
    """

    def __init__(self) -> None:
        super().__init__()
        self.product = ops.BatchMatMul()

    def match(self, student: Tensor, teacher: Tensor, pairs: Tensor, view: int) -> Rows:
        """A few pairs at a time."""
        taught = pairs[:, 1] + view * (student.shape[0] // 2)
        teaching = pairs[:, 0] + (1 - view) * (teacher.shape[0] // 2)
        keys = ops.transpose(student, (0, 2, 1))  # (2B, C, N)
        found: tuple[Tensor, ...] = ()
        count = taught.shape[0]
        for start in range(0, count, _PAIRS_A_PIECE):
            piece = slice(start, min(start + _PAIRS_A_PIECE, count))
            queries = ops.gather(teacher, teaching[piece], 0)  # (p, N, C)
            scores = self.product(queries, ops.gather(keys, taught[piece], 0))  # (p, N, N)
            found += (self.nearest(scores),)
        first = taught.expand_dims(1) * student.shape[1]
        return first + ops.concat(found, 0), teaching, teaching


class ReleasedMatching(Matching):
    """What the released code computes, for the published numbers; on one rank, A = B.

    It differs from the paper in four places. The similarity is the product of two channel sums, so
    that the match is the student patch with the largest or the smallest sum, whatever it shows; the
    teacher's target is the partner's, of the student's own crop; the student's row is always of the
    first image of the class; features and attention are of the crops that the paper means.
    """

    def match(self, student: Tensor, teacher: Tensor, pairs: Tensor, view: int) -> Rows:
        """By channel sums."""
        images = student.shape[0] // 2
        own, other = view * images, (1 - view) * images
        alpha, beta = ops.sum(student, -1), ops.sum(teacher, -1)  # (2B, N)
        keys = ops.gather(alpha, pairs[:, 1] + own, 0).expand_dims(1)  # (P, 1, N)
        queries = ops.gather(beta, pairs[:, 0] + other, 0).expand_dims(2)  # (P, N, 1)
        first = (pairs[:, 2] + own).expand_dims(1) * student.shape[1]
        matched = first + self.nearest(queries * keys)
        return matched, pairs[:, 1] + own, pairs[:, 1] + other


def create_matching(name: str) -> nn.Cell:
    """The matching ``name``.

    Raises:
        ConfigError: unknown name.
    """
    check_option("smkd.patch_match", name, MATCHINGS)
    return PaperMatching() if name == "paper" else ReleasedMatching()


def _rows_of(images: Tensor, patches: int) -> Tensor:
    """Rows of all patches of ``images`` (P,), int32 (P, N)."""
    within = ops.arange(patches).astype(mstype.int32)
    return images.expand_dims(1) * patches + within.expand_dims(0)


def _flat(parts: tuple[Tensor, ...]) -> Tensor:
    return ops.concat(parts, 0).reshape(-1)
