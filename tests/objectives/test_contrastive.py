"""CLIP's loss and its gradients against a derivation by hand, in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn, ops

from mindtune.errors import ConfigError
from mindtune.objectives.contrastive import ContrastiveObjective

LABELS = np.array([0, 2, 0, 1, 0, 2], np.int32)


def waves(shape: tuple[int, int], a: float, b: float) -> np.ndarray:
    return np.sin(a * np.arange(np.prod(shape)).reshape(shape) + b).astype(np.float32)


IMAGES, TEXTS = waves((6, 5), 0.7, 0.3), waves((6, 5), 1.9, 0.1)


class Towers(nn.Cell):
    """Features that are parameters."""

    def __init__(self, logit_scale: float) -> None:
        super().__init__()
        self.image_features = Parameter(Tensor(IMAGES), name="image_features")
        self.text_features = Parameter(Tensor(TEXTS), name="text_features")
        self.logit_scale = Parameter(Tensor(np.float32(logit_scale)), name="logit_scale")

    def construct(self, images: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        return self.image_features + 0.0 * images, self.text_features + 0.0 * ids


def softmax(rows: np.ndarray) -> np.ndarray:
    raised = np.exp(rows - rows.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def by_hand(logit_scale: float, targets: np.ndarray) -> tuple[float, float, list[np.ndarray]]:
    """Both losses and the gradients of their mean for images, texts and the scale."""
    lengths = [np.linalg.norm(x, axis=1, keepdims=True) for x in (IMAGES, TEXTS)]
    image, text = IMAGES / lengths[0], TEXTS / lengths[1]
    scale = min(np.exp(logit_scale), 100.0)
    logits = scale * image @ text.T
    over_texts, over_images = softmax(logits), softmax(logits.T)
    losses = [-np.sum(targets * np.log(p)) / 6 for p in (over_texts, over_images)]
    slope = (over_texts - targets + (over_images - targets).T) / 12  # of the mean loss by logits
    gradients = []
    for unit, other, length, part in (
        (image, text, lengths[0], slope),
        (text, image, lengths[1], slope.T),
    ):
        along = scale * part @ other
        gradients.append((along - unit * np.sum(unit * along, 1, keepdims=True)) / length)
    inside = np.exp(logit_scale) < 100
    gradients.append(np.array(np.sum(slope * logits) if inside else 0.0))
    return losses[0], losses[1], gradients


def targets_of(positives: str) -> np.ndarray:
    same = LABELS[:, None] == LABELS[None, :] if positives == "class" else np.eye(6)
    return same / same.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("positives", ["class", "clip"])
@pytest.mark.parametrize("logit_scale", [2.6592, 4.7])
def test_loss_and_gradients(positives, logit_scale):
    network = Towers(logit_scale)
    objective = ContrastiveObjective(network, positives)
    trained = [network.image_features, network.text_features, network.logit_scale]
    nothing = Tensor(np.zeros((6, 5), np.float32))
    find = ops.value_and_grad(objective, None, trained, has_aux=True)
    (loss, (image, text, scale)), gradients = find(nothing, nothing, Tensor(LABELS))
    expected_image, expected_text, expected = by_hand(logit_scale, targets_of(positives))
    assert image.asnumpy() == pytest.approx(expected_image, rel=1e-5)
    assert text.asnumpy() == pytest.approx(expected_text, rel=1e-5)
    assert loss.asnumpy() == pytest.approx((expected_image + expected_text) / 2, rel=1e-5)
    assert scale.asnumpy() == pytest.approx(min(np.exp(logit_scale), 100), rel=1e-5)
    for found, wanted in zip(gradients, expected):
        np.testing.assert_allclose(found.asnumpy(), wanted, rtol=2e-4, atol=2e-6)


def test_other_positives_are_refused():
    with pytest.raises(ConfigError, match=r"contrastive\.positives: got 'all', expected one of"):
        ContrastiveObjective(Towers(2.0), "all")
