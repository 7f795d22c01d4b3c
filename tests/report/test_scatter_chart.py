"""Clouds of classes in a plane."""

from __future__ import annotations

import re

import numpy as np

from mindtune.report.scatter_chart import SIDE, scatter_chart


def test_every_class_is_a_cloud_of_its_own_shape_inside_the_drawing():
    points = np.array([[0, 0], [0, 2], [10, 1], [10, 1], [10, 1]], np.float32)
    chart = scatter_chart("t-SNE", points, np.array([0, 0, 2, 2, 2]), ["cat", "none", "dog"])
    assert [cloud.name for cloud in chart.clouds] == ["cat", "dog"]
    cats, dogs = chart.clouds
    places = [
        (float(x), float(y))
        for cloud in chart.clouds
        for x, y in re.findall(r"M([\d.]+),([\d.]+)", cloud.path)
    ]
    assert len(places) == 5
    assert 0 < min(map(min, places)) < max(map(max, places)) < SIDE
    assert cats.mark != dogs.mark
    assert places[0][1] > places[1][1]  # y points up
    width = places[2][0] - places[0][0]
    height = places[0][1] - places[1][1]
    assert abs(width / height - 5) < 0.1  # one scale
    assert dogs.centre == places[2]
