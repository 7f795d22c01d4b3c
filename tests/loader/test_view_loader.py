from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from mindtune.data.class_order import class_balanced_order
from mindtune.data.class_pairs import Pairing, partners
from mindtune.data.masks import MaskSampler
from mindtune.data.randomness import epoch_order
from mindtune.data.source import ImageArrays
from mindtune.data.view_loader import ViewLoader
from mindtune.data.views import Views
from mindtune.errors import ConfigError, DataError
from mindtune.preprocessing import Preprocessing

SIZE = Preprocessing(8)
LABELS = np.repeat(np.arange(5, dtype=np.int32), 6)
NAMES = ("images", "mask", "masked", "masked_weights", "labels", "pairs", "pair_weights", "local")


def loader(**options) -> ViewLoader:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 10, 12, 3), dtype=np.uint8)
    source = ImageArrays(pixels, LABELS, tuple("abcde"), "t")
    views = Views(8, local_size=4, local_crops=2)
    options = {"batch_size": 6, "seed": 7, "pairing": Pairing(5), **options}
    return ViewLoader(source, views, MaskSampler((4, 4)), SIZE, **options).for_epochs(3)


def batches(epoch: int = 1, first_image: int = 0, **options) -> list[dict[str, np.ndarray]]:
    return [dict(zip(NAMES, batch)) for batch in loader(**options).epoch(epoch, first_image)]


def test_all_batches_have_one_shape():
    found = batches(0) + batches(1) + batches(2)
    shapes = [{name: (c.shape, c.dtype) for name, c in batch.items()} for batch in found]
    assert all(shape == shapes[0] for shape in shapes)
    room = len(found[0]["masked"])
    assert shapes[0] == {
        "images": ((12, 3, 8, 8), np.float32),
        "mask": ((12, 16), bool),
        "masked": ((room,), np.int32),
        "masked_weights": ((room,), np.float32),
        "labels": ((6,), np.int32),
        "pairs": ((len(found[0]["pairs"]), 3), np.int32),
        "pair_weights": ((len(found[0]["pairs"]),), np.float32),
        "local": ((12, 3, 4, 4), np.float32),
    }
    used = [int((batch["pair_weights"] > 0).sum()) for batch in found]
    assert max(used) == len(found[0]["pairs"])
    assert min(used) < max(used)


def test_pairs_and_masks_are_those_of_the_batch():
    for batch in batches():
        pairs, weights = partners(batch["labels"])
        np.testing.assert_array_equal(batch["pairs"][: len(pairs)], pairs)
        np.testing.assert_array_equal(batch["pair_weights"][: len(pairs)], weights)
        rows = batch["masked"][batch["masked_weights"] > 0]
        np.testing.assert_array_equal(rows, np.flatnonzero(batch["mask"]))


@pytest.mark.parametrize("workers", [1, 3])
def test_crops_are_a_function_of_seed_epoch_and_image(workers):
    whole = batches()
    rest = batches(first_image=12, workers=workers)
    assert len(rest) == len(whole) - 2
    for one, other in zip(whole[2:], rest):
        for name in NAMES:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)
    assert not np.array_equal(whole[0]["images"], batches(2)[0]["images"])


def test_crops_are_crop_major_and_normalised():
    """A crop of a plain image is plain, whatever is drawn but its colours."""
    pixels = np.zeros((6, 9, 9, 3), np.uint8)
    pixels[3:] = 255
    source = ImageArrays(pixels, LABELS[:6], tuple("abcde"), "t")
    views = Views(8, local_size=4, local_crops=2)
    made = ViewLoader(source, views, MaskSampler((4, 4)), SIZE, 6, seed=7)
    images, *_, local = next(made.epoch(0))
    black = -np.array(SIZE.mean) / SIZE.std
    is_black = [np.allclose(crop.max((1, 2)), black, atol=1e-5) for crop in [*images, *local]]
    assert sum(is_black[:12]) >= 5  # solarising leaves black, jitter too
    assert is_black[:6] == is_black[12:18]


def test_two_ranks_share_the_batches_of_one():
    alone = batches(batch_size=12, pairing=Pairing(5, across_ranks=True))
    shared = [
        batches(rank=rank, world_size=2, pairing=Pairing(5, across_ranks=True)) for rank in (0, 1)
    ]
    for number, whole in enumerate(alone):
        parts = [ranks[number] for ranks in shared]
        for name, views in (("images", 2), ("mask", 2), ("local", 2)):
            split = [part[name].reshape(views, 6, *part[name].shape[1:]) for part in parts]
            joined = np.concatenate(split, axis=1).reshape(whole[name].shape)
            np.testing.assert_array_equal(joined, whole[name], err_msg=name)
        expected = {tuple(p[:2]) for p, w in zip(whole["pairs"], whole["pair_weights"]) if w}
        found = {
            (int(p[0]), int(p[1]) + 6 * rank)
            for rank, part in enumerate(parts)
            for p, w in zip(part["pairs"], part["pair_weights"])
            if w
        }
        assert found == expected


def test_balanced_batches_hold_whole_runs_of_a_class():
    for batch in batches(together=3):
        runs = batch["labels"].reshape(2, 3)
        assert (runs == runs[:, :1]).all()
    first, second = (class_balanced_order(7, epoch, LABELS, 4) for epoch in (0, 1))
    assert sorted(first) == list(range(30))
    runs = LABELS[first[:28]].reshape(7, 4)
    assert (runs == runs[:, :1]).all(1).sum() >= 5  # two runs are of what is left over
    assert not np.array_equal(first, second)


def test_an_unreadable_image_is_named_and_batches_before_it_come():
    @dataclass(frozen=True)
    class Broken(ImageArrays):
        def load(self, index: int) -> Image.Image:
            if index == broken:
                raise DataError(f"image {index}: broken")
            return super().load(index)

    broken = int(epoch_order(7, 0, 30)[13])  # of the third batch
    pixels = np.zeros((30, 9, 9, 3), np.uint8)
    views = Views(8, local_size=4, local_crops=1)
    source = Broken(pixels, LABELS, tuple("abcde"), "t")
    epoch = ViewLoader(source, views, MaskSampler((4, 4)), SIZE, 6, seed=7).epoch(0)
    assert [len(next(epoch)[0]) for _ in range(2)] == [12, 12]
    with pytest.raises(DataError, match=f"image {broken}: broken"):
        next(epoch)


def test_first_epochs_may_be_unmasked():
    assert not any(batch["mask"].any() for batch in batches(1, unmasked_epochs=2))
    assert any(batch["mask"].any() for batch in batches(2, unmasked_epochs=2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"together": 4}, "images_a_class: got 4, expected a divisor of batch_size"),
        ({"together": 10, "batch_size": 10}, "images_a_class: got 10, expected at most"),
        ({"batch_size": 31}, "batch_size: got 31 x 1"),
    ],
)
def test_impossible_batches_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        loader(**options)
