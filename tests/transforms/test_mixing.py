"""Mixup and CutMix: pixels and targets against the formulas, choices against their odds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, kstest

from mindtune.data.mixing import Mixing, cutmix, cutmix_box, mixup, smooth_one_hot
from mindtune.errors import ConfigError, DataError


def flat_batch(batch=8, height=32, width=24):
    """Sample i is filled with 10 (i + 1): a pixel says whose it is."""
    values = np.arange(10, 10 * batch + 1, 10, dtype=np.uint8)
    return np.broadcast_to(values[:, None, None, None], (batch, height, width, 3)).copy()


class GlobalStream:
    """NumPy's first generator under the names of its newer one.

    timm draws from it, and so do the measurements of the PEFT specification, section 5.
    """

    def __init__(self, seed: int) -> None:
        stream = np.random.RandomState(seed)
        self.random, self.beta, self.integers = stream.random_sample, stream.beta, stream.randint


def own_share(mixed, images):
    return (mixed == images).all(axis=-1).mean(axis=(1, 2))  # (B,)


@pytest.mark.parametrize("lam", [0.0, 0.1, 0.5, 0.83, 1.0])
def test_mixup_pixels(lam):
    images = np.random.default_rng(0).integers(0, 256, (6, 17, 13, 3), dtype=np.uint8)
    partners = images[[5, 4, 3, 2, 1, 0]]
    exact = lam * images.astype(np.float64) + (1 - lam) * partners.astype(np.float64)
    result = mixup(images, lam)
    assert result.dtype == np.uint8
    # Half a level from rounding, and float32's error where the exact value is near a half.
    assert np.abs(result - exact).max() <= 0.5 + 1e-4


def test_mixup_rounds_to_even():
    images = np.array([1, 2, 3, 4], np.uint8).reshape(4, 1, 1, 1)
    assert mixup(images, 0.5).ravel().tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize("seed", range(40))
def test_cutmix_lambda_is_the_share_of_own_pixels(seed):
    images, rng = flat_batch(), np.random.default_rng(seed)
    mixed, lam = cutmix(images, rng.beta(1.0, 1.0), rng)
    np.testing.assert_allclose(own_share(mixed, images), lam, atol=1e-12)
    assert ((mixed == images) | (mixed == images[::-1])).all()


def test_cutmix_box_sides_and_centres():
    rng = np.random.default_rng(0)
    boxes = np.array([cutmix_box(100, 60, 0.75, rng) for _ in range(3000)])
    top, bottom, left, right = boxes.T
    inside = (top > 0) & (bottom < 100) & (left > 0) & (right < 60)
    assert set((bottom - top)[inside]) == {50}  # sqrt(1 - 0.75) of 100
    assert set((right - left)[inside]) == {30}
    clipped_top = np.mean(bottom < 50)
    assert abs(clipped_top - 0.25) < 0.04  # centres in the first quarter of the height


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_targets_follow_the_pixels(smoothing):
    mixing = Mixing(5, label_smoothing=smoothing, mixup_alpha=0.0)
    images, labels = flat_batch(), np.array([0, 1, 2, 3, 4, 0, 1, 1], np.int32)
    for seed in range(20):
        mixed, targets = mixing(images, labels, np.random.default_rng(seed))
        lam = own_share(mixed, images)[0]
        one_hot = np.eye(5)[labels] * (1 - smoothing) + smoothing / 5
        np.testing.assert_allclose(targets, lam * one_hot + (1 - lam) * one_hot[::-1], atol=1e-6)


@pytest.mark.parametrize(
    ("mixup_alpha", "cutmix_alpha", "switch_prob", "share"),
    [(0.8, 1.0, 0.5, 0.5), (0.8, 1.0, 0.2, 0.8), (0.8, 0.0, 0.5, 1.0), (0.0, 1.0, 0.5, 0.0)],
)
def test_choice_of_mixup_or_cutmix(mixup_alpha, cutmix_alpha, switch_prob, share):
    mixing = Mixing(2, mixup_alpha, cutmix_alpha, switch_prob=switch_prob)
    images = np.zeros((2, 8, 8, 3), np.uint8)
    images[1] = 255
    batches = [mixing(images, np.arange(2), np.random.default_rng(s))[0] for s in range(1000)]
    # Only mixup makes a value between; about 1 % of its lambdas are too near 0 or 1 to show.
    blended = np.mean([((batch > 0) & (batch < 255)).any() for batch in batches])
    assert blended == pytest.approx(share, abs=0.05 if share else 0)


@pytest.mark.parametrize("alpha", [0.2, 0.8, 3.0])
def test_mixup_lambda_is_beta_distributed(alpha):
    mixing = Mixing(2, mixup_alpha=alpha, cutmix_alpha=0.0, label_smoothing=0.0)
    images, labels = flat_batch(2, 2, 2), np.array([0, 1])
    lams = [mixing(images, labels, np.random.default_rng(s))[1][0, 0] for s in range(2000)]
    assert kstest(lams, beta(alpha, alpha).cdf).pvalue > 1e-3


def test_prob_is_the_share_of_mixed_batches():
    mixing = Mixing(2, prob=0.3)
    images, labels = flat_batch(2, 64, 64), np.array([0, 1])
    mixed = [
        not np.array_equal(mixing(images, labels, np.random.default_rng(seed))[0], images)
        for seed in range(1000)
    ]
    assert np.mean(mixed) == pytest.approx(0.3, abs=0.06)


@pytest.mark.parametrize("options", [{}, {"mixup_alpha": 0.0}, {"cutmix_alpha": 0.0}])
@pytest.mark.parametrize("seed", range(5))
def test_targets_sum_to_1_and_the_input_is_left_alone(options, seed):
    images, labels = flat_batch(), np.arange(8)
    before = images.copy()
    mixed, targets = Mixing(1000, **options)(images, labels, np.random.default_rng(seed))
    assert mixed.shape == images.shape
    assert mixed.dtype == np.uint8
    assert targets.shape == (8, 1000)
    assert targets.dtype == np.float32
    np.testing.assert_allclose(targets.sum(axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("options", [{"mixup_alpha": 0.0, "cutmix_alpha": 0.0}, {"prob": 0.0}])
def test_without_mixing_targets_are_smoothed_and_odd_batches_pass(options):
    images, labels = flat_batch(3), np.array([2, 0, 1])
    mixed, targets = Mixing(4, **options)(images, labels, np.random.default_rng(0))
    np.testing.assert_array_equal(mixed, images)
    np.testing.assert_allclose(targets, 0.9 * np.eye(4)[labels] + 0.025, atol=1e-7)


def test_same_rng_same_batch():
    images = np.random.default_rng(0).integers(0, 256, (4, 9, 9, 3), dtype=np.uint8)
    first, second = (Mixing(4)(images, np.arange(4), np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_an_odd_batch_is_refused_with_the_cure():
    message = "batch_size: got 3, expected an even number.*use 4, or set augment.mixup"
    with pytest.raises(ConfigError, match=message):
        Mixing(4)(flat_batch(3), np.arange(3), np.random.default_rng(0))


@pytest.mark.parametrize("labels", [[0, 4], [-1, 0]])
def test_a_label_out_of_range_is_refused(labels):
    wrong = max(labels) if max(labels) == 4 else -1
    with pytest.raises(DataError, match=f"label: got {wrong}, expected 0 to 3"):
        smooth_one_hot(np.array(labels), 4)


@pytest.mark.parametrize(
    "options",
    [
        {"mixup_alpha": -0.1},
        {"cutmix_alpha": float("nan")},
        {"prob": 1.1},
        {"switch_prob": -1.0},
        {"label_smoothing": 2.0},
    ],
)
def test_bad_options_are_named(options):
    (name,) = options
    with pytest.raises(ConfigError, match=f"{name}: got"):
        Mixing(10, **options)


def test_batches_of_timm_s_mixer_for_its_own_draws():
    """Mixup and CutMix on, four batches: the draws make all of them mixup."""
    mixing = Mixing(4, mixup_alpha=0.8, cutmix_alpha=1.0, prob=1.0, label_smoothing=0.1)
    stream, labels = GlobalStream(0), np.arange(4)
    images = np.zeros((4, 224, 224, 3), np.uint8)
    images[0] = 255
    for lam, first_row in [
        (0.53151, [0.503356, 0.025, 0.025, 0.446645]),
        (0.43653, [0.417877, 0.025, 0.025, 0.532123]),
        (0.10809, [0.122279, 0.025, 0.025, 0.827721]),
        (0.57136, [0.539222, 0.025, 0.025, 0.410778]),
    ]:
        mixed, targets = mixing(images, labels, stream)
        np.testing.assert_allclose(targets[0], first_row, atol=1e-6)
        assert set(mixed[0].ravel()) == {round(255 * lam)}


def test_boxes_of_timm_s_mixer_for_its_own_draws():
    stream = GlobalStream(0)
    assert cutmix_box(224, 224, 0.3, stream) == (79, 224, 0, 140)
    images = np.zeros((2, 224, 224, 3), np.uint8)
    images[1] = 255
    mixed, lam = cutmix(images, 0.3, stream)
    assert lam == pytest.approx(0.536631, abs=1e-6)
    pasted = np.zeros((224, 224), bool)
    pasted[24:210, 99:224] = True
    np.testing.assert_array_equal(mixed[0, :, :, 0] == 255, pasted)
