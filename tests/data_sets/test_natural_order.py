from __future__ import annotations

import itertools

import pytest

from mindtune.data.natural_order import natural_order

ORDERED = ["1", "2", "10", "A1", "a2", "a10b2", "a10b11", "b", "class2", "class10", "n01440764"]


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(ORDERED, 2)))
def test_numbers_compare_as_numbers_and_letters_without_case(first, second):
    assert natural_order(first) < natural_order(second)


def test_names_that_differ_only_in_case_or_zeros_keep_one_order():
    names = ["a01", "A1", "a1", "A01"]
    orders = {tuple(sorted(mixed, key=natural_order)) for mixed in itertools.permutations(names)}
    assert len(orders) == 1


def test_digits_of_other_scripts_are_text():
    assert sorted(["x²", "x1"], key=natural_order) == ["x1", "x²"]
