from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor, nn
from scipy.special import log_softmax
from sklearn.metrics import top_k_accuracy_score

from mindtune.errors import DataError, DivergedError
from mindtune.evaluation.classification import ClassificationResult, evaluate_classification


class Read(nn.Cell):
    """A network whose logits are its input."""

    def construct(self, x: Tensor) -> Tensor:
        return x * 1.0


def batches(logits: np.ndarray, labels: np.ndarray, size: int):
    """Batches padded with copies of the last row that are marked as not counted."""
    for start in range(0, len(labels), size):
        rows = np.minimum(np.arange(start, start + size), len(labels) - 1)
        valid = np.arange(start, start + size) < len(labels)
        yield logits[rows], labels[rows].astype(np.int32), valid


@pytest.mark.parametrize("size", [1, 7, 50, 64])
def test_metrics_are_exact_whatever_the_batch(size):
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((50, 9)).astype(np.float32)
    labels = rng.integers(0, 9, 50)
    metrics = evaluate_classification(Read(), batches(logits, labels, size), 9).metrics()
    for k in (1, 5):
        expected = 100 * top_k_accuracy_score(labels, logits, k=k, labels=range(9))
        assert metrics[f"top{k}"] == pytest.approx(expected, abs=1e-9)
    loss = -log_softmax(logits.astype(np.float64), axis=1)[np.arange(50), labels].mean()
    assert metrics["loss"] == pytest.approx(loss, rel=1e-9)
    assert metrics["images"] == 50


def test_ties_go_to_the_lower_class():
    result = ClassificationResult(3)
    result.add(np.zeros((3, 3)), np.array([0, 1, 2]))
    assert (result.top1, result.top5) == (1, 3)


def test_logits_that_are_not_finite_are_an_error():
    with pytest.raises(DivergedError, match="NaN or infinite logits for 1 of 2 images"):
        ClassificationResult(2).add(np.array([[0.0, 1.0], [np.nan, 0.0]]), np.array([1, 0]))


def test_per_class_accuracy_and_classes_without_images():
    result = ClassificationResult(3)
    result.add(np.eye(3)[[0, 1, 0]], np.array([0, 0, 0]))
    np.testing.assert_allclose(result.per_class_accuracy(), [200 / 3, np.nan, np.nan])
    np.testing.assert_array_equal(result.per_class_images, [3, 0, 0])


def test_logits_may_be_restricted_to_a_subset_of_classes():
    logits = np.array([[9.0, 1, 8, 0], [9, 1, 0, 8]], np.float32)
    found = evaluate_classification(Read(), batches(logits, np.array([1, 2]), 2), 3, [1, 2, 3])
    assert found.metrics()["top1"] == 100.0


def test_train_mode_is_restored():
    network = Read()
    network.set_train(True)
    evaluate_classification(network, batches(np.eye(3, dtype=np.float32), np.arange(3), 2), 3)
    assert network.training


def test_no_images_is_an_error():
    with pytest.raises(DataError, match="got no images"):
        ClassificationResult(3).metrics()
