"""CLIP's objective (Radford et al., ICML 2021): images and texts of a batch find each other."""

from __future__ import annotations

import math

from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.errors import ConfigError
from mindtune.heads.logit_fusion import unit

LARGEST_SCALE = 100.0
POSITIVES = ("class", "clip")


class ContrastiveObjective(nn.Cell):
    """Symmetric cross-entropy of scaled cosines, ``construct(images, ids, labels)``.

    ``logits = min(exp(logit_scale), 100) I T^T`` with the unit features I, T (B, D) of images
    (B, 3, S, S) and token ids (B, L). The loss is the mean of two cross-entropies: of each image
    over the texts and of each text over the images. The targets of row i spread evenly

    * over all j of its class, ``labels[i] == labels[j]`` int32 (B,) (``class``: Yang et al., UniCL,
      CVPR 2022, eq. 3). Captions made of class names repeat in a batch, and CLIP's own targets
      would call the same words right for one image and wrong for the next;
    * or lie on i alone (``clip``).

    CLIP cuts the parameter ``logit_scale`` back to ln 100 after an update; here the logits are cut,
    so that no gradient reaches it beyond, and it stays there.

    Each rank contrasts the images of its own batch.

    Args:
        network: a ``CLIP``.
        positives: ``class`` or ``clip``.

    Raises:
        ConfigError: other positives.
    """

    term_names = ("image_loss", "text_loss", "scale")

    def __init__(self, network: nn.Cell, positives: str = "class") -> None:
        super().__init__(auto_prefix=False)
        if positives not in POSITIVES:
            raise ConfigError(
                f"contrastive.positives: got {positives!r}, expected one of {', '.join(POSITIVES)}"
            )
        self.network = network
        self.by_class = positives == "class"
        self.largest = math.log(LARGEST_SCALE)

    def construct(
        self, images: Tensor, ids: Tensor, labels: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        image_features, text_features = self.network(images, ids)
        image_rows = unit(ops.cast(image_features, mstype.float32))
        text_rows = unit(ops.cast(text_features, mstype.float32))
        scale = ops.exp(ops.minimum(self.network.logit_scale, self.largest))
        logits = scale * ops.matmul(image_rows, ops.transpose(text_rows, (1, 0)))  # (B, B)
        targets = self.targets(labels)
        image_loss = _cross_entropy(logits, targets)
        text_loss = _cross_entropy(ops.transpose(logits, (1, 0)), targets)
        return 0.5 * (image_loss + text_loss), (image_loss, text_loss, scale)

    def targets(self, labels: Tensor) -> Tensor:
        """Rows (B, B) that sum to 1; the matrix is symmetric, and serves both directions."""
        own = labels if self.by_class else ops.arange(labels.shape[0])
        same = ops.cast(ops.equal(ops.expand_dims(own, 1), ops.expand_dims(own, 0)), mstype.float32)
        return same / ops.sum(same, 1, True)


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over the rows, nats."""
    return -ops.mean(ops.sum(targets * ops.log_softmax(logits, 1), 1))
