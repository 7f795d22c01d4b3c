"""scikit-learn's 1,797 real handwritten digits: embedded, no download."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.source import ImageArrays, ImageSource
from mindtune.data.splits import hold_out

SPLIT_SEED = 0
"""Fixed for good: results on ``digits`` are comparable only on the same split."""

DIGITS = DatasetSpec(
    name="digits",
    title="optical recognition of handwritten digits, 8x8",
    source=(
        "Alpaydin and Kaynak, UCI Machine Learning Repository 1998, "
        "as shipped with scikit-learn; CC BY 4.0"
    ),
    splits=("train", "val", "test"),
    num_classes=10,
    counts={"train": 1_076, "val": 362, "test": 359},
    needs_root=False,
    class_names=tuple(str(digit) for digit in range(10)),
)


@register_dataset(DIGITS)
def load_digits_split(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split of 60 / 20 / 20 percent, stratified; ``root`` is not looked at.

    Pixels 0..16 become 0..255 (rounded) in three equal channels; images stay 8 x 8.
    """
    # here and not above: importing it takes most of a second, which no other data set owes
    from sklearn.datasets import load_digits

    bunch = load_digits()
    grey = np.rint(bunch.images * (255 / 16)).astype(np.uint8)  # (N, 8, 8)
    pixels = np.repeat(grey[..., None], 3, axis=-1)  # (N, 8, 8, 3)
    labels = bunch.target.astype(np.int32)
    rest, test = hold_out(ImageArrays(pixels, labels, spec.class_names, spec.name), 0.2, SPLIT_SEED)
    train, val = hold_out(rest, 0.25, SPLIT_SEED)
    return {"train": train, "val": val, "test": test}[split]
