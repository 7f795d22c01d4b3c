"""Numbers of the authors' classes, run in PyTorch on the CPU with these inputs."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor

from mindtune.engine.optim import create_optimizer
from mindtune.engine.schedules import learning_rates
from mindtune.engine.step import TrainStep
from mindtune.errors import ConfigError
from mindtune.heads.logit_fusion import LogitFusion, class_means
from mindtune.objectives.amu import AmuObjective
from mindtune.parameters import weights_of

LABELS = np.array([0, 3, 1, 4], np.int32)


def waves(shape: tuple[int, int], a: float, b: float) -> np.ndarray:
    return np.sin(a * np.arange(np.prod(shape)).reshape(shape) + b).astype(np.float32)


def text_weights() -> np.ndarray:
    columns = waves((6, 5), 0.7, 0.3)
    return columns / np.linalg.norm(columns, axis=0)


CLIP, AUXILIARY = waves((4, 6), 1.1, 0.2), waves((4, 7), 1.3, 0.5)
START = class_means(waves((10, 7), 0.9, 0.1), np.repeat(np.arange(5), 2), 5)
BATCH = (Tensor(LABELS), Tensor(CLIP), Tensor(AUXILIARY))


def fusion(confidence: str, branches: int = 1) -> LogitFusion:
    return LogitFusion(text_weights(), [7] * branches, 0.5, confidence, 0.4, [START] * branches)


def step_of(network: LogitFusion, share: float = 0.35) -> TrainStep:
    trained = [p for p in weights_of(network) if p.requires_grad]
    optimizer = create_optimizer("adamw", trained, 0.01, (0.9, 0.999), 1e-4, 0.9)
    return TrainStep(AmuObjective(network, share), trained, optimizer)


def test_a_branch_starts_from_class_means():
    row = [0.0579006, 0.4527273, 0.5049390, 0.1750229, -0.2873470, -0.5322584, -0.3743673]
    np.testing.assert_allclose(START[0], row, atol=2e-7)


def test_a_class_is_divided_by_its_own_count():
    means = class_means(np.array([[3.0, 0], [0, 2], [0, 5]]), np.array([0, 1, 1]), 2)
    np.testing.assert_array_equal(means, [[1, 0], [0, 1]])


def test_logits():
    network = fusion("none")
    zero_shot = network.zero_shot(Tensor(CLIP)).asnumpy()
    np.testing.assert_allclose(
        zero_shot[1], [-7.23351, -4.55691, 0.24483, 7.06233, 8.07606], atol=2e-5
    )
    _, (auxiliary,) = network(Tensor(CLIP), Tensor(AUXILIARY))
    np.testing.assert_allclose(
        auxiliary.asnumpy()[3], [1.28982, 0.61987, -0.02542, -0.64528, -1.23899], atol=1e-5
    )


FOUND = {
    "none": (5.5038867, 10.299626, [1, 1, 1, 1], 5.981322),
    "moment": (6.5419006, 13.265380, [6.792181, 7.463644, 6.791288, 6.791265], 17.633636),
    "entropy": (5.5036249, 10.298878, [1.021020, 1.155638, 1.004414, 1.000053], 5.969474),
    "energy": (5.4259400, 10.076921, [0.550600, 0.564655, 0.549874, 0.549738], 5.261335),
    "max": (5.5022440, 10.294933, [1.006351, 1.131963, 1.000998, 1.000007], 5.972390),
    "max-min": (5.5022449, 10.294935, [1.006356, 1.131963, 1.000998, 1.000007], 5.972383),
    "var": (5.4099383, 10.031203, [0.438483, 0.319734, 0.445823, 0.447204], 5.106297),
    "top5": (5.5022449, 10.294935, [1.006356, 1.131963, 1.000998, 1.000007], 5.972383),
}


@pytest.mark.parametrize("confidence", FOUND)
def test_loss_terms_factor_and_gradient(confidence):
    loss, fused, factor, norm = FOUND[confidence]
    network = fusion(confidence)
    zero_shot = network.zero_shot(Tensor(CLIP))
    np.testing.assert_allclose(network.factor(zero_shot).asnumpy()[:, 0], factor, rtol=1e-5)
    output = step_of(network)(1e-3, 0, [BATCH])
    assert output.loss() == pytest.approx(loss, rel=1e-5)
    assert [float(t.asnumpy()) for t in output.terms] == pytest.approx([fused, 2.9215655], rel=1e-5)
    assert float(output.grad_norm.asnumpy()) == pytest.approx(norm, rel=1e-5)


def test_three_updates():
    network = fusion("moment")
    step = step_of(network)
    rates = learning_rates(
        lr=1e-3, epochs=10, steps_per_epoch=1, name="cosine",
        warmup_epochs=0.0, warmup_lr=0.0, min_lr=0.0, cooldown_epochs=0,
    )  # fmt: skip
    losses = [step(rates[i], i, [BATCH]).loss() for i in range(3)]
    assert losses == pytest.approx([6.5419006, 6.4537153, 6.3646655], rel=1e-5)
    np.testing.assert_allclose(rates[1:4], [9.755283e-4, 9.045085e-4, 7.938926e-4], rtol=1e-6)
    row = [0.0607504, 0.4498514, 0.5020677, 0.1778908, -0.2844796, -0.5293981, -0.3772179]
    np.testing.assert_allclose(network.branches[0].fc.weight.asnumpy()[0], row, atol=1e-6)


def test_the_papers_kurtosis_is_of_the_logits():
    network = fusion("kurtosis")
    zero_shot = network.zero_shot(Tensor(CLIP)).asnumpy().astype(np.float64)
    ratio = (zero_shot - zero_shot.mean(1, keepdims=True)) / zero_shot.std(1, ddof=1, keepdims=True)
    expected = np.mean(ratio**4, 1, keepdims=True) ** -0.4
    found = network.factor(Tensor(zero_shot.astype(np.float32))).asnumpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_probability_that_underflows_counts_nothing():
    logits = Tensor(np.array([[0, -200, -300, -400, -500]], np.float32))
    assert fusion("entropy").factor(logits).asnumpy() == pytest.approx(1.0)


def test_branches_add_up():
    one, (auxiliary,) = fusion("none")(Tensor(CLIP), Tensor(AUXILIARY))
    two, _ = fusion("none", 2)(Tensor(CLIP), Tensor(AUXILIARY), Tensor(AUXILIARY))
    expected = one.asnumpy() + 0.5 * auxiliary.asnumpy()
    np.testing.assert_allclose(two.asnumpy(), expected, rtol=1e-6)


def test_only_branches_train():
    trained = [p.name for p in weights_of(fusion("none", 2)) if p.requires_grad]
    assert trained == ["branches.0.fc.weight", "branches.1.fc.weight"]


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_outside_its_range(share):
    with pytest.raises(ConfigError, match="amu.fused_share: got .*, expected 0 to 1"):
        AmuObjective(fusion("none"), share)


def test_an_unknown_factor():
    with pytest.raises(ConfigError, match="got 'kurtois', .*did you mean 'kurtosis'"):
        fusion("kurtois")


def test_top5_of_four_classes():
    with pytest.raises(ConfigError, match="got top5 with 4 classes, expected at least 5"):
        LogitFusion(text_weights()[:, :4], [7], 0.5, "top5", 0.4)
