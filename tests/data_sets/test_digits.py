from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from mindtune.data.datasets import create_dataset, dataset_spec

SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def digits():
    return {split: create_dataset("digits", None, split) for split in SPLITS}


def test_sizes_are_the_declared_ones(digits):
    counts = dataset_spec("digits").counts
    assert {split: len(digits[split]) for split in SPLITS} == counts
    assert sum(counts.values()) == 1_797


def test_splits_are_disjoint_and_cover_everything(digits):
    names = [digits[split].describe(i) for split in SPLITS for i in range(len(digits[split]))]
    assert len(set(names)) == 1_797


def test_every_split_has_each_class_in_proportion(digits):
    totals = np.bincount(load_digits().target)
    for split, share in zip(SPLITS, (0.6, 0.2, 0.2)):
        counts = np.bincount(digits[split].labels, minlength=10)
        assert np.abs(counts - share * totals).max() <= 1


def test_images_are_the_originals_in_grey_rgb(digits):
    bunch = load_digits()
    source = digits["val"]
    for index in (0, 100, 361):
        original = int(source.describe(index).rsplit(" ", 1)[1])
        pixels = np.asarray(source.load(index))
        assert pixels.shape == (8, 8, 3)
        expected = np.floor(bunch.images[original] * 255 / 16 + 0.5)
        assert np.array_equal(pixels, np.stack([expected] * 3, axis=-1))
        assert source.labels[index] == bunch.target[original]


def test_the_split_never_changes(digits):
    # written down when the split was made: results are comparable only on the same one
    first = {split: [digits[split].describe(index) for index in range(4)] for split in SPLITS}
    written_down = {"train": (0, 2, 4, 5), "val": (1, 16, 20, 22), "test": (3, 7, 13, 19)}
    assert first == {
        split: [f"digits image {index}" for index in indices]
        for split, indices in written_down.items()
    }


def test_a_root_is_not_looked_at(tmp_path):
    assert len(create_dataset("digits", tmp_path / "nowhere", "test")) == 359
