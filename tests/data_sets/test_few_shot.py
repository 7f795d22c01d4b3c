"""Draws of CPython's ``random``, whose golden values come from the authors' rule run as theirs."""

from __future__ import annotations

import random

import numpy as np
import pytest

from mindtune.data.few_shot import few_shot_splits, sample_shots
from mindtune.data.source import ImageArrays
from mindtune.errors import ConfigError, DataError

# AMU-Tuning spec, section 8.3 (CPython 3.11): seed, sizes of the classes, shots, positions in them
GOLDEN = [
    (
        2,
        (1300, 732),
        16,
        [
            [115, 187, 173, 739, 346, 631, 515, 1240, 434, 1242, 73, 1190, 324, 882, 805, 1042],
            [380, 557, 455, 514, 274, 36, 28, 372, 476, 326, 389, 433, 538, 168, 573, 181],
        ],
    ),
    (
        1,
        (1300, 1300, 1300),
        4,
        [[275, 1165, 129, 522], [241, 1014, 920, 967], [777, 429, 192, 999]],
    ),
]


def source_of(labels: list[int]) -> ImageArrays:
    names = tuple(f"class {label}" for label in range(max(labels) + 1))
    pixels = np.zeros((len(labels), 1, 1, 3), np.uint8)
    return ImageArrays(pixels, np.array(labels, np.int32), names, "made")


@pytest.mark.parametrize("rule", ["imagenet", "coop"])
@pytest.mark.parametrize(("seed", "sizes", "shots", "expected"), GOLDEN)
def test_golden_draws(seed, sizes, shots, expected, rule):
    source = source_of(np.repeat(np.arange(len(sizes)), sizes).tolist())
    random.seed(5)  # the global generator has no influence
    found = sample_shots(source, shots, random.Random(seed), rule)
    starts = np.cumsum([0, *sizes[:-1]])
    by_class = found.indices.reshape(len(sizes), shots) - starts[:, None]
    assert by_class.tolist() == expected
    assert found.labels.tolist() == np.repeat(np.arange(len(sizes)), shots).tolist()
    assert found.class_names == source.class_names


INTERLEAVED = [2, 0, 2, 1, 0, 2, 1, 0, 2]  # class 2 is met first


def by_hand(seed: int, order: tuple[int, ...], shots: int) -> list[int]:
    random.seed(seed)
    drawn = []
    for label in order:
        items = [index for index, other in enumerate(INTERLEAVED) if other == label]
        if len(items) >= shots:
            drawn += random.sample(items, shots)
        else:
            drawn += random.choices(items, k=shots)
    return drawn


@pytest.mark.parametrize(("rule", "order"), [("imagenet", (0, 1, 2)), ("coop", (2, 0, 1))])
def test_the_rules_walk_the_classes_in_their_own_order(rule, order):
    found = sample_shots(source_of(INTERLEAVED), 2, random.Random(7), rule)
    assert found.indices.tolist() == by_hand(7, order, 2)


def test_a_small_class_is_drawn_from_again():
    found = sample_shots(source_of(INTERLEAVED), 3, random.Random(7))
    assert found.indices.tolist() == by_hand(7, (2, 0, 1), 3)
    assert sorted(found.labels.tolist()) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    message = r"class 'class 1': got 2 images, expected at least 3 to draw 3 shots"
    with pytest.raises(DataError, match=message):
        sample_shots(source_of(INTERLEAVED), 3, random.Random(7), "imagenet")


@pytest.mark.parametrize("shots", [0, -1])
def test_no_shots_are_all_images(shots):
    source = source_of(INTERLEAVED)
    rng = random.Random(3)
    assert sample_shots(source, shots, rng) is source
    assert rng.random() == random.Random(3).random()


@pytest.mark.parametrize(("shots", "val_shots"), [(1, 1), (4, 4), (5, 4)])
def test_validation_goes_on_where_training_ended(shots, val_shots):
    train, val = source_of([0, 1] * 8), source_of([1, 0] * 8)
    random.seed(11)
    expected_train = [i for half in (0, 1) for i in random.sample(range(half, 16, 2), shots)]
    expected_val = [i for half in (0, 1) for i in random.sample(range(half, 16, 2), val_shots)]
    found_train, found_val = few_shot_splits(train, val, shots, 11)
    assert found_train.indices.tolist() == expected_train
    assert found_val.indices.tolist() == expected_val
    assert found_val.labels.tolist() == [1] * val_shots + [0] * val_shots


def test_without_a_val_split_the_rest_of_train_serves():
    train = source_of([0, 1, 2] * 10)
    chosen, held = few_shot_splits(train, None, 6, 2, "imagenet")
    alone = sample_shots(train, 6, random.Random(2), "imagenet")
    assert chosen.indices.tolist() == alone.indices.tolist()
    assert np.bincount(held.labels).tolist() == [4, 4, 4]
    kept = held.indices  # positions among what is left
    left = np.setdiff1d(np.arange(30), chosen.indices)
    assert not set(left[kept]) & set(chosen.indices.tolist())
    assert held.labels.tolist() == train.labels[left[kept]].tolist()


@pytest.mark.parametrize(
    ("labels", "shots", "rule", "error", "message"),
    [
        ([0, 1], 1, "cop", ConfigError, r"rule: got 'cop'.*did you mean 'coop'"),
        ([0, 1], 0, "coop", ConfigError, r"shots: got 0, which takes all training images"),
        ([0, 1, 0], 1, "coop", DataError, r"class 'class 1': got no image for validation"),
    ],
)
def test_bad_questions_are_refused(labels, shots, rule, error, message):
    with pytest.raises(error, match=message):
        few_shot_splits(source_of(labels), None, shots, 1, rule)
