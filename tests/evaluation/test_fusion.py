from __future__ import annotations

import numpy as np
import pytest

from mindtune.evaluation import fusion as module
from mindtune.evaluation.fusion import FusionLogits, evaluate_fusion, search_fusion
from mindtune.heads.logit_fusion import LogitFusion

rng = np.random.default_rng(2)
TEXTS = rng.standard_normal((6, 5)).astype(np.float32)
TEXTS /= np.linalg.norm(TEXTS, axis=0)
LABELS = rng.integers(0, 5, 40)
CLIP = (TEXTS.T[LABELS] + 0.6 * rng.standard_normal((40, 6))).astype(np.float32)
AUXILIARY = [
    (np.eye(7)[LABELS] + spread * rng.standard_normal((40, 7))).astype(np.float32)
    for spread in (0.3, 0.6)
]
STARTS = [np.eye(5, 7, dtype=np.float32)] * 2


def alone(values: np.ndarray) -> np.ndarray:
    return values


def network() -> FusionLogits:
    return FusionLogits(LogitFusion(TEXTS, [7, 7], 0.5, "kurtosis", 0.4, STARTS))


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def standardised(rows: np.ndarray) -> np.ndarray:
    return (rows - rows.mean(1, keepdims=True)) / rows.std(1, ddof=1, keepdims=True)


ZERO_SHOT = 100 * unit(CLIP.astype(float)) @ TEXTS
BIAS = sum(standardised(unit(f) @ w.T) for f, w in zip(AUXILIARY, STARTS))
KURTOSIS = np.mean(standardised(ZERO_SHOT) ** 4, axis=1, keepdims=True)


def accuracy(logits: np.ndarray) -> float:
    return 100 * np.mean(logits.argmax(1) == LABELS)


def loss(logits: np.ndarray) -> float:
    shifted = logits - logits.max(1, keepdims=True)
    return -np.mean(shifted[np.arange(40), LABELS] - np.log(np.exp(shifted).sum(1)))


@pytest.mark.parametrize("rows", [64, 16])  # at once; the last block of 16 is filled up
def test_accuracies_of_clip_of_the_others_and_of_both(rows, monkeypatch):
    monkeypatch.setattr(module, "_ROWS", rows)
    found = evaluate_fusion(network(), [CLIP, *AUXILIARY], LABELS, alone)
    fused = ZERO_SHOT + 0.5 * KURTOSIS**-0.4 * BIAS
    assert found["top1"] == pytest.approx(accuracy(fused))
    assert found["loss"] == pytest.approx(loss(fused), rel=1e-4)
    assert found["clip_top1"] == pytest.approx(accuracy(ZERO_SHOT))
    assert found["auxiliary_top1"] == pytest.approx(accuracy(BIAS))
    assert found["images"] == 40
    assert found["clip_top1"] < found["auxiliary_top1"]


def test_search_finds_what_trying_all_finds():
    found = search_fusion(network(), "kurtosis", (0.5, 0.4), [CLIP, *AUXILIARY], LABELS, alone)
    tried = {}
    for alpha in (0.5, *np.linspace(0.15, 3, 20)):
        for power in (0.4, *np.linspace(0, 1, 11)):
            logits = ZERO_SHOT + alpha * KURTOSIS**-power * BIAS
            tried[round(alpha, 6), round(power, 6)] = (accuracy(logits), -loss(logits))
    best = max(tried, key=lambda pair: tried[pair])
    assert (round(found.alpha, 6), round(found.power, 6)) == best
    assert found.top1 == pytest.approx(tried[best][0])
    assert found.top1 > accuracy(ZERO_SHOT)


def test_search_has_no_power_where_the_factor_has_none():
    found = search_fusion(network(), "none", (0.5, 0.4), [CLIP, *AUXILIARY], LABELS, alone)
    assert (found.power, found.tried) == (0.4, 21)
