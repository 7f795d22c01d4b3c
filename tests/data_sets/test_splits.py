from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mindtune.data.splits import Subset, hold_out, limit_per_class, select_classes
from mindtune.errors import ConfigError, DataError


def _ids(source) -> list[int]:
    """Which images of ``make_arrays`` a source holds, read from the pixels themselves."""
    return [source.load(index).getpixel((0, 0))[0] for index in range(len(source))]


def test_a_subset_shows_the_images_it_names(make_arrays):
    subset = Subset(make_arrays([0, 1, 2, 1]), [3, 0, 3])
    assert len(subset) == 3
    assert _ids(subset) == [3, 0, 3]
    assert subset.labels.tolist() == [1, 0, 1]
    assert subset.labels.dtype == np.int32
    assert subset.class_names == ("a", "b", "c")
    assert subset.describe(0) == "made image 3"


def test_a_subset_of_a_subset(make_arrays):
    subset = Subset(Subset(make_arrays([0, 1, 2, 1]), [3, 2, 1]), [2, 0])
    assert _ids(subset) == [1, 3]
    assert subset.labels.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        (0.2, {10: 2, 5: 1, 3: 1, 2: 1, 1: 0}),
        (0.5, {10: 5, 5: 3, 3: 2, 2: 1, 1: 0}),
        (0.99, {10: 9, 5: 4, 3: 2, 2: 1, 1: 0}),
        (0.001, {10: 1, 5: 1, 3: 1, 2: 1, 1: 0}),
    ],
)
def test_hold_out_is_stratified(fraction, expected, make_arrays):
    labels = np.random.RandomState(3).permutation(np.repeat(np.arange(5), [10, 5, 3, 2, 1]))
    source = make_arrays(labels.tolist())
    train, val = hold_out(source, fraction, seed=7)
    assert sorted(_ids(train) + _ids(val)) == list(range(21))
    assert _ids(train) == sorted(_ids(train))
    assert np.bincount(val.labels, minlength=5).tolist() == list(expected.values())
    assert train.labels.tolist() == labels[_ids(train)].tolist()
    assert train.class_names == val.class_names == source.class_names


def test_hold_out_depends_on_the_seed_alone(make_arrays):
    source = make_arrays([0] * 30 + [1] * 30)
    first, again, other = (_ids(hold_out(source, 0.3, seed)[1]) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first != list(range(9)) + list(range(30, 39))


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_hold_out_wants_a_fraction(fraction, make_arrays):
    with pytest.raises(ConfigError, match="expected 0 < value < 1"):
        hold_out(make_arrays([0, 0]), fraction, 0)


def test_hold_out_with_too_few_images(make_arrays):
    with pytest.raises(DataError, match="got 3 images with no class of two or more"):
        hold_out(make_arrays([0, 1, 2]), 0.5, 0)


@pytest.mark.parametrize(
    "split", [lambda s: hold_out(s, 0.5, 0), lambda s: limit_per_class(s, 1, 0)]
)
def test_a_class_without_images_is_named(split, make_arrays):
    with pytest.raises(DataError, match="class 'b': got no image"):
        split(make_arrays([0, 0, 2, 2]))


def test_limit_per_class_keeps_at_most_that_many(make_arrays):
    source = make_arrays([0, 1, 0, 1, 0, 1, 2])
    few = limit_per_class(source, 2, seed=0)
    assert np.bincount(few.labels).tolist() == [2, 2, 1]
    assert _ids(few) == sorted(set(_ids(few)))
    assert _ids(few) == _ids(limit_per_class(source, 2, seed=0))
    chosen = {tuple(_ids(limit_per_class(source, 2, seed))) for seed in range(20)}
    assert len(chosen) > 1


def test_limit_per_class_wants_a_shot(make_arrays):
    with pytest.raises(ConfigError, match="shots: got 0, expected >= 1"):
        limit_per_class(make_arrays([0]), 0, 0)


@pytest.mark.parametrize("classes", [["c", "a"], [2, 0], ["c", 0]])
def test_select_classes_relabels_in_the_given_order(classes, make_arrays):
    part = select_classes(make_arrays([0, 1, 2, 2, 0]), classes)
    assert part.class_names == ("c", "a")
    assert _ids(part) == [0, 2, 3, 4]
    assert part.labels.tolist() == [1, 0, 0, 1]
    assert part.labels.dtype == np.int32
    assert part.describe(1) == "made image 2"


def test_selected_classes_can_be_split_further(make_arrays):
    part = select_classes(make_arrays([0, 1, 2, 2, 1, 1, 2]), ["c", "b"])
    train, val = hold_out(part, 0.3, 0)
    assert sorted(np.concatenate([train.labels, val.labels]).tolist()) == [0, 0, 0, 1, 1, 1]
    assert val.class_names == ("c", "b")


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([], "got an empty list"),
        (["aa"], r"got 'aa', expected a class name; (did you mean 'a'|choose one of: a, b, c)"),
        (["0"], "got '0', expected a class name; choose one of: a, b, c"),
        ([3], "got 3, expected a number from 0 to 2"),
        ([-1], "got -1, expected a number from 0 to 2"),
        (["a", 0], "got 'a' more than once"),
    ],
)
def test_unknown_or_repeated_classes(classes, message, make_arrays):
    with pytest.raises(DataError, match=message):
        select_classes(make_arrays([0, 1, 2]), classes)


def test_a_name_that_two_classes_share_is_ambiguous(make_arrays):
    source = replace(make_arrays([0, 1, 2]), class_names=("missile", "b", "missile"))
    with pytest.raises(DataError, match=r"'missile', which names classes \[0, 2\]"):
        select_classes(source, ["missile"])
    assert select_classes(source, [2]).labels.tolist() == [0]
