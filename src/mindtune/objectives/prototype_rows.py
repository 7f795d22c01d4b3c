"""Cross-entropy between rows of teacher and student patches, in chunks of bounded memory."""

from __future__ import annotations

from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.ops.prototype_rows import prototype_rows_kernel
from mindtune.ops.two_paths import TwoPaths

Row = tuple[Tensor, Tensor, Tensor]


class PrototypeRows(nn.Cell, TwoPaths):
    """``sum_r weight_r CE(teacher row, student row)`` over listed pairs of patches.

    With unit vectors x of patches and prototypes w, the distributions of row r are
    ``log_softmax(x_s w_s^T / student_temp)`` and ``softmax((x_t w_t^T - centre) / temp)``; masked
    patches (iBOT) and matched ones (SMKD) are both such a list. Logits exist for ``chunk`` rows at
    a time: gradients are computed beside the loss, so nothing of size (rows, K) is kept for
    backward, where the released codes hold several such arrays of all patches. On the CPU a kernel
    takes 16 to 256 rows at a time, two million logits of a side: MindSpore's operators there would
    keep tables for the numbers of all pieces, 0.7 MB a row of 8192 prototypes.

    Args:
        student_temp: temperature of the student.
        chunk: rows a piece, where no kernel chooses.
    """

    def __init__(self, student_temp: float, chunk: int) -> None:
        super().__init__(auto_prefix=False)
        self.student_temp = student_temp
        self.chunk = chunk
        library = self.choose_product_path()
        if library is not None:
            self.kernel = prototype_rows_kernel(library)
            self.own_temp = Tensor([student_temp], mstype.float32)

    def construct(
        self,
        student: Tensor,
        prototypes: Tensor,
        teacher: Tensor,
        teacher_prototypes: Tensor,
        centre: Tensor,
        temp: Tensor,
        student_rows: Tensor,
        teacher_rows: Tensor,
        weights: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Loss, and its gradients by ``student`` and ``prototypes``.

        Args:
            student: unit vectors (S, D).
            prototypes: of the student, (K, D).
            teacher: unit vectors (T, D).
            teacher_prototypes: (K, D).
            centre: (1, K).
            temp: temperature of the teacher.
            student_rows: int32 (R,), below S.
            teacher_rows: int32 (R,), below T.
            weights: (R,); 0 fills the list up.
        """
        if self.uses_kernel:
            loss, by_student, by_prototypes = self.kernel(
                student, prototypes, teacher, teacher_prototypes, centre, self.own_temp,
                temp.reshape(1), student_rows, teacher_rows, weights,
            )  # fmt: skip
            return loss.reshape(()), by_student, by_prototypes
        loss = Tensor(0.0, mstype.float32)
        by_prototypes = ops.zeros(prototypes.shape, mstype.float32)  # (K, D)
        by_rows: tuple[Tensor, ...] = ()
        count = student_rows.shape[0]  # written into the loop, graphs' gradients would be zero
        for start in range(0, count, self.chunk):
            rows = slice(start, min(start + self.chunk, count))
            # One piece after the other: together they would need all of the memory again.
            x = ops.gather(student, ops.depend(student_rows[rows], loss), 0)  # (c, D)
            y = ops.gather(teacher, ops.depend(teacher_rows[rows], loss), 0)  # (c, D)
            target = ops.softmax((ops.dense(y, teacher_prototypes) - centre) / temp, -1)
            piece, slope = self.compared(ops.dense(x, prototypes), target, weights[rows])
            loss = loss + piece
            by_rows += (ops.matmul(slope, prototypes),)  # (c, D)
            by_prototypes = by_prototypes + ops.matmul(ops.transpose(slope, (1, 0)), x)
        rows_of_students = ops.concat(by_rows, 0)  # (R, D)
        by_student = ops.unsorted_segment_sum(rows_of_students, student_rows, student.shape[0])
        return loss, by_student, by_prototypes

    def compared(self, logits: Tensor, target: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Loss of some rows' logits (c, K) under targets (c, K), and its gradient by the logits."""
        log_p = ops.log_softmax(logits / self.student_temp, -1)  # (c, K)
        weight = weights.expand_dims(1)  # (c, 1)
        loss = -ops.sum(weight * target * log_p)
        return loss, (ops.exp(log_p) - target) * (weight / self.student_temp)

    def bprop(
        self,
        student: Tensor,
        prototypes: Tensor,
        teacher: Tensor,
        teacher_prototypes: Tensor,
        centre: Tensor,
        temp: Tensor,
        student_rows: Tensor,
        teacher_rows: Tensor,
        weights: Tensor,
        out: Row,
        dout: Row,
    ) -> tuple[Tensor, ...]:
        """Nothing flows to the teacher."""
        return (
            out[1] * dout[0],
            out[2] * dout[0],
            ops.zeros_like(teacher),
            ops.zeros_like(teacher_prototypes),
            ops.zeros_like(centre),
            ops.zeros_like(temp),
            ops.zeros_like(student_rows),
            ops.zeros_like(teacher_rows),
            ops.zeros_like(weights),
        )
