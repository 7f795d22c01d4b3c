"""Charts of lines: where points come to lie."""

from __future__ import annotations

import math

import pytest

from mindtune.report.line_chart import Series, line_chart, thin


def places(path: str) -> list[tuple[float, ...]]:
    return [tuple(map(float, place.split(","))) for place in path.split()]


def test_corners_of_the_data_are_corners_of_the_drawing():
    chart = line_chart("Loss", [Series("training", [(0, 0), (50, 1), (100, 2)])])
    first, middle, last = places(chart.lines[0].path)
    assert first == (chart.left, chart.bottom)
    assert last == (chart.right, chart.top)
    assert middle == pytest.approx([(a + b) / 2 for a, b in zip(first, last)], abs=0.1)
    assert chart.x_ticks[0] == (chart.left, "0")
    assert chart.y_ticks[-1] == (chart.top, "2")
    assert chart.lines[0].last == "2"


def test_lines_differ_without_colour_and_keep_their_number():
    names = ["a", "none", "c"]
    points = [[(0, 1), (1, 2)], [], [(0, 2)]]
    chart = line_chart("x", [Series(n, p) for n, p in zip(names, points)])
    assert [(line.name, line.number) for line in chart.lines] == [("a", 0), ("c", 2)]
    assert chart.lines[0].mark != chart.lines[1].mark


def test_numbers_that_are_none_are_left_out():
    chart = line_chart("x", [Series("a", [(0, 1), (1, math.nan), (2, math.inf), (3, 3)])])
    assert len(places(chart.lines[0].path)) == 2
    assert line_chart("x", [Series("a", [(0, math.nan)]), Series("b", [])]) is None


def test_long_lines_are_means_of_neighbours():
    points = [(x, x % 2) for x in range(1000)]
    few = thin(points, 100)
    assert len(few) == 100
    assert few[0] == (4.5, 0.5)
    assert few[-1] == (994.5, 0.5)
    assert thin(points[:7], 100) == points[:7]
    chart = line_chart("x", [Series("a", points)])
    assert len(places(chart.lines[0].path)) <= 300
    assert chart.lines[0].marks == ""
