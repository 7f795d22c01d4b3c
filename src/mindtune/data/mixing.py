"""Mixup (Zhang et al., arXiv:1710.09412), CutMix (Yun et al., arXiv:1905.04899), label smoothing.

As in the moment probing spec 4.1: one choice and one lambda a batch, the partner of a sample is
its mirror image in the batch (the first with the last), and pixels stay uint8, rounded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mindtune.errors import ConfigError, DataError


@dataclass(frozen=True)
class Mixing:
    """Mix each sample of a batch with its partner, images and targets alike.

    Attributes:
        num_classes: K.
        mixup_alpha: lambda ~ Beta(alpha, alpha) of mixup; 0 leaves mixup out.
        cutmix_alpha: the same of CutMix; 0 leaves CutMix out.
        prob: probability that a batch is mixed at all.
        switch_prob: where both are on, the probability of CutMix.
        label_smoothing: share of the target that is spread over all classes.
    """

    num_classes: int
    mixup_alpha: float = 0.8
    cutmix_alpha: float = 1.0
    prob: float = 1.0
    switch_prob: float = 0.5
    label_smoothing: float = 0.1

    def __post_init__(self) -> None:
        for name in ("mixup_alpha", "cutmix_alpha"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name}: got {getattr(self, name)}, expected 0 (off) or more")
        for name in ("prob", "switch_prob", "label_smoothing"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}: got {getattr(self, name)}, expected 0 <= value <= 1")

    @property
    def enabled(self) -> bool:
        """Whether any batch is mixed; if not, targets are only smoothed."""
        return self.prob > 0 and (self.mixup_alpha > 0 or self.cutmix_alpha > 0)

    def __call__(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mix a batch.

        Args:
            images: uint8 (B, H, W, 3); left unchanged.
            labels: int (B,).
            rng: the batch's own generator, see ``randomness.batch_rng``.

        Returns:
            Images, uint8 (B, H, W, 3), and targets, float32 (B, K), whose rows sum to 1.

        Raises:
            ConfigError: mixing is on and B is odd: the middle sample would be its own partner.
            DataError: a label is not in [0, K).
        """
        if self.enabled:
            self.check_batch_size(len(images))
        targets = smooth_one_hot(labels, self.num_classes, self.label_smoothing)
        if not self.enabled or rng.random() >= self.prob:
            return images, targets
        if self._draw_cutmix(rng):
            images, lam = cutmix(images, rng.beta(self.cutmix_alpha, self.cutmix_alpha), rng)
        else:
            lam = rng.beta(self.mixup_alpha, self.mixup_alpha)
            images = mixup(images, lam)
        share = np.float32(lam)
        return images, share * targets + (1 - share) * targets[::-1]

    def check_batch_size(self, batch_size: int) -> None:
        """Refuse an odd batch where mixing is on; also meant to be called before training starts.

        Raises:
            ConfigError: see ``__call__``.
        """
        if self.enabled and batch_size % 2:
            raise ConfigError(
                f"batch_size: got {batch_size}, expected an even number with mixup or cutmix, "
                f"which mix samples in pairs; use {batch_size + 1}, or set augment.mixup and "
                "augment.cutmix to 0"
            )

    def _draw_cutmix(self, rng: np.random.Generator) -> bool:
        if self.mixup_alpha > 0 and self.cutmix_alpha > 0:
            return bool(rng.random() < self.switch_prob)
        return self.cutmix_alpha > 0


def smooth_one_hot(labels: np.ndarray, num_classes: int, smoothing: float = 0.0) -> np.ndarray:
    """One-hot targets with ``smoothing`` of their mass spread over all K classes.

    Args:
        labels: int (B,).
        num_classes: K.
        smoothing: s in [0, 1]; the true class gets 1 - s + s/K, the others s/K.

    Returns:
        float32 (B, K).

    Raises:
        DataError: a label is not in [0, K).
    """
    wrong = (labels < 0) | (labels >= num_classes)
    if wrong.any():
        raise DataError(
            f"label: got {int(labels[wrong][0])}, expected 0 to {num_classes - 1}; set "
            "num_classes to the number of classes in the data set"
        )
    off = smoothing / num_classes
    targets = np.full((len(labels), num_classes), off, np.float32)
    targets[np.arange(len(labels)), labels] = 1.0 - smoothing + off
    return targets


def mixup(images: np.ndarray, lam: float) -> np.ndarray:
    """rint(lam x + (1 - lam) x_partner), uint8 (B, H, W, 3), with float32 arithmetic."""
    mixed = np.empty_like(images)
    # Image by image, so that the float32 intermediates stay in the processor's cache: half the
    # time of the same formula on the whole batch.
    blend, other = np.empty((2, *images.shape[1:]), np.float32)
    share = np.float32(lam)
    for index, partner in enumerate(images[::-1]):
        np.multiply(images[index], share, out=blend)
        np.multiply(partner, 1 - share, out=other)
        blend += other
        mixed[index] = np.rint(blend, out=blend)
    return mixed


def cutmix(images: np.ndarray, lam: float, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Paste one box, the same in every image, from each partner.

    Returns:
        Images, uint8 (B, H, W, 3), and the share of pixels that remain an image's own; it is
        above ``lam`` where the box was clipped at the border.
    """
    height, width = images.shape[1:3]
    top, bottom, left, right = cutmix_box(height, width, lam, rng)
    mixed = images.copy()
    mixed[:, top:bottom, left:right] = images[::-1, top:bottom, left:right]
    return mixed, 1.0 - (bottom - top) * (right - left) / (height * width)


def cutmix_box(
    height: int, width: int, lam: float, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """top, bottom, left, right of a box with sides sqrt(1 - lam) of the image's.

    Its centre is uniform over the image and what sticks out is clipped. Half sides are whole
    pixels, so an odd side loses one, as in timm 0.6.13, which the authors used (1.0 keeps it).
    """
    side = math.sqrt(1.0 - lam)
    half_height, half_width = int(height * side) // 2, int(width * side) // 2
    y, x = int(rng.integers(height)), int(rng.integers(width))
    top, bottom = max(0, y - half_height), min(height, y + half_height)
    left, right = max(0, x - half_width), min(width, x + half_width)
    return top, bottom, left, right
