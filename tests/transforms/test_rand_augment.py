"""The policy: how often, which and how strongly; and the grammar of its string."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.stats import chisquare, kstest, norm

from mindtune.data.rand_augment import RandAugment
from mindtune.data.rand_augment_ops import INCREASING, ORIGINAL, Operation
from mindtune.errors import ConfigError

FILL = (124, 116, 104)
IMAGES = 6000


class Log:
    """Stands in for the operations and writes down how they are called."""

    def __init__(self):
        self.names, self.magnitudes, self.directions, self.filters = [], [], [], []

    def operations(self):
        return tuple(self._recorder(operation.name) for operation in INCREASING)

    def _recorder(self, name):
        def level(magnitude, direction):
            self.names.append(name)
            self.magnitudes.append(magnitude)
            self.directions.append(direction)
            return magnitude

        def apply(image, level, canvas):
            assert canvas.fill == FILL
            self.filters.append(canvas.resample.name)
            return image

        return Operation(name, level, apply)


def run(config, images=IMAGES, interpolation="random"):
    """The log of a policy, and the number of operations applied to each image."""
    log = Log()
    policy = RandAugment.from_config(config, fill=FILL, interpolation=interpolation)
    policy = replace(policy, operations=log.operations())
    image, rng, counts = Image.new("RGB", (1, 1)), np.random.default_rng(0), []
    for _ in range(images):
        before = len(log.names)
        policy(image, rng)
        counts.append(len(log.names) - before)
    return log, np.bincount(counts, minlength=policy.num_ops + 1)


def test_the_recipe_s_policy():
    log, counts = run("rand-m9-mstd0.5-inc1")
    assert chisquare(counts, IMAGES * np.array([0.25, 0.5, 0.25])).pvalue > 1e-3
    names, occurrences = np.unique(log.names, return_counts=True)
    assert len(names) == 15
    assert chisquare(occurrences).pvalue > 1e-3
    assert abs(np.mean(log.directions)) < 5 / np.sqrt(len(log.directions))
    magnitudes = np.array(log.magnitudes)
    assert magnitudes.max() == 10.0  # clipped: P(z > 2) of them
    share = norm.sf(2.0)
    spread = np.sqrt(share * (1 - share) / len(magnitudes))
    assert abs(np.mean(magnitudes == 10.0) - share) < 4 * spread
    below = magnitudes[magnitudes < 10]
    assert kstest(norm.cdf(below, 9, 0.5) / norm.cdf(10, 9, 0.5), "uniform").pvalue > 1e-3
    assert set(log.filters) == {"BILINEAR", "BICUBIC"}
    assert abs(log.filters.count("BICUBIC") / len(log.filters) - 0.5) < 0.04


def test_operations_are_drawn_with_replacement():
    log, counts = run("rand-p1", images=3000)
    assert counts[2] == 3000
    repeated = np.mean([a == b for a, b in zip(log.names[::2], log.names[1::2])])
    assert abs(repeated - 1 / 15) < 4 * np.sqrt(1 / 15 * 14 / 15 / 3000)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("rand", {"magnitude": 10, "magnitude_std": 0, "num_ops": 2, "prob": 0.5}),
        ("rand-m7-n3-p0.25", {"magnitude": 7, "num_ops": 3, "prob": 0.25}),
        ("rand-m9-mmax12-mstd1", {"max_magnitude": 12, "magnitude_std": 1}),
        ("rand-inc1", {"operations": INCREASING}),
        ("rand-inc0", {"operations": ORIGINAL}),
        ("rand-m9", {"operations": ORIGINAL}),
    ],
)
def test_sections(config, expected):
    policy = RandAugment.from_config(config, fill=FILL)
    assert {name: getattr(policy, name) for name in expected} == expected


def test_magnitude_without_deviation_is_constant_and_clipped():
    assert set(run("rand-m6-p1", images=50)[0].magnitudes) == {6.0}
    assert set(run("rand-m14-p1", images=50)[0].magnitudes) == {10.0}
    assert set(run("rand-m14-mmax12-p1", images=50)[0].magnitudes) == {12.0}


def test_a_deviation_above_100_means_uniform():
    magnitudes = np.array(run("rand-m8-mstd101-p1", images=1000)[0].magnitudes)
    assert kstest(magnitudes / 8, "uniform").pvalue > 1e-3


def test_probability_0_changes_nothing(photo):
    policy = RandAugment.from_config("rand-m9-p0-inc1", fill=FILL)
    result = policy(photo, np.random.default_rng(0))
    np.testing.assert_array_equal(np.asarray(result), np.asarray(photo))


def test_a_fixed_filter_is_the_only_one_used():
    assert set(run("rand-m9-p1", images=50, interpolation="bilinear")[0].filters) == {"BILINEAR"}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("augmix-m3", "only policy is 'rand'"),
        ("", "only policy is 'rand'"),
        ("rand-w0", "section 'w0'.*weighted.*not supported; remove it"),
        ("rand-q5", "unknown section 'q5'"),
        ("rand-mst0.5", "unknown section 'mst0.5'.*did you mean 'mstd'"),
        ("rand-m", "unknown section 'm'"),
        ("rand-9", "unknown section '9'"),
        ("rand-m9-m8", "section 'm' twice"),
        ("rand-p1.5", "probability of each operation must be a number from 0 to 1"),
        ("rand-n0", "must be a whole number from 1"),
        ("rand-n1.5", "must be a whole number"),
        ("rand-inc2", "must be a whole number from 0 to 1"),
    ],
)
def test_bad_strings_are_refused_by_section(config, message):
    with pytest.raises(ConfigError, match=message):
        RandAugment.from_config(config, fill=FILL)
