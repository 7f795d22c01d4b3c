from __future__ import annotations

from itertools import chain, islice

import numpy as np
import pytest
from PIL import Image

from mindtune.data.erasing import RandomErasing
from mindtune.data.loader import EvalLoader, TrainLoader
from mindtune.data.mixing import Mixing
from mindtune.data.source import ImageArrays
from mindtune.data.transforms import EvalTransform, TrainTransform
from mindtune.errors import ConfigError, DataError
from mindtune.preprocessing import Preprocessing

SIZE = Preprocessing(8, crop_pct=1.0)


def source(count: int) -> ImageArrays:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 10, 12, 3), dtype=np.uint8)
    return ImageArrays(pixels, np.arange(count, dtype=np.int32), tuple(map(str, range(count))), "t")


def train_loader(count: int = 20, batch: int = 4, **options) -> TrainLoader:
    mixing = Mixing(count, label_smoothing=0.0, **options.pop("mix", {}))
    view, erasing = TrainTransform(SIZE), RandomErasing(options.pop("erasing", 0.5))
    options = {"seed": 7, **options}
    return TrainLoader(source(count), view, mixing, erasing, SIZE, batch, **options)


NO_MIX = {"mixup_alpha": 0, "cutmix_alpha": 0}


def labels(batches) -> list[list[int]]:
    return [list(targets.argmax(1)) for _, targets in batches]


@pytest.mark.parametrize("workers", [1, 3])
def test_an_epoch_is_a_function_of_seed_and_epoch(workers):
    first = list(train_loader(workers=1).epoch(3))
    again = list(train_loader(workers=workers).epoch(3))
    for (images, targets), (other_images, other_targets) in zip(first, again):
        np.testing.assert_array_equal(images, other_images)
        np.testing.assert_array_equal(targets, other_targets)
    other = next(train_loader().epoch(4))
    assert not np.array_equal(first[0][0], other[0])


def test_shapes_and_types():
    images, targets = next(train_loader().epoch(0))
    assert (images.shape, images.dtype) == ((4, 3, 8, 8), np.float32)
    assert (targets.shape, targets.dtype) == ((4, 20), np.float32)
    np.testing.assert_allclose(targets.sum(1), 1, rtol=1e-6)


@pytest.mark.parametrize("first_batch", [1, 3])
def test_an_epoch_continues_where_it_stopped(first_batch):
    whole = list(train_loader().epoch(2))
    rest = list(train_loader().epoch(2, first_image=4 * first_batch))
    assert len(rest) == len(whole) - first_batch
    for (images, targets), (other_images, other_targets) in zip(whole[first_batch:], rest):
        np.testing.assert_array_equal(images, other_images)
        np.testing.assert_array_equal(targets, other_targets)


def test_every_image_comes_once_an_epoch_and_in_another_order_in_the_next():
    loader = train_loader(mix=NO_MIX)
    first, second = labels(loader.epoch(0)), labels(loader.epoch(1))
    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(20))
    assert first != second


def test_ranks_together_see_the_batches_of_one_process():
    alone = labels(train_loader(batch=4, mix=NO_MIX).epoch(1))
    ranks = [
        labels(train_loader(batch=2, mix=NO_MIX, rank=r, world_size=2).epoch(1)) for r in (0, 1)
    ]
    assert [a + b for a, b in zip(*ranks)] == alone


@pytest.mark.parametrize("stops", [(0, 8, 12, 20), (0, 4, 20), (0, 12, 20)])
def test_an_epoch_that_changes_the_number_of_ranks_sees_every_image_once(stops):
    seen = []
    for part, (first, end) in enumerate(zip(stops, stops[1:])):
        ranks = 1 + (part + 1) % 2  # 2, 1, 2
        batches = (end - first) // (2 * ranks)
        for rank in range(ranks):
            loader = train_loader(batch=2, mix=NO_MIX, rank=rank, world_size=ranks)
            seen += labels(islice(loader.epoch(1, first_image=first), batches))
    assert sorted(chain(*seen)) == list(range(20))


def test_the_last_part_of_a_batch_is_dropped():
    loader = train_loader(count=10, batch=4)
    assert loader.num_batches == 2
    assert len(list(loader.epoch(0))) == 2


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(
        ConfigError, match=r"batch_size: got 32 x 1 device.*at most the 20 training"
    ):
        train_loader(batch=32)


class Broken(ImageArrays):
    def load(self, index: int) -> Image.Image:
        if index == 5:
            raise DataError(f"image {self.describe(index)}: cannot be decoded")
        return super().load(index)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_unreadable_image_is_named(workers):
    broken = Broken(*vars(source(9)).values())
    loader = EvalLoader(broken, EvalTransform(SIZE), SIZE, 2, workers)
    with pytest.raises(DataError, match="image t image 5: cannot be decoded"):
        list(loader)


@pytest.mark.parametrize(
    ("count", "batch", "world"), [(10, 4, 1), (10, 4, 3), (4, 4, 1), (3, 8, 1)]
)
def test_evaluation_sees_every_image_once_over_all_ranks(count, batch, world):
    seen = []
    for rank in range(world):
        for images, found, valid in EvalLoader(
            source(count), EvalTransform(SIZE), SIZE, batch, rank=rank, world_size=world
        ):
            assert images.shape == (batch, 3, 8, 8)
            seen += list(found.reshape(-1)[valid.reshape(-1)])
    assert sorted(seen) == list(range(count))
