from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor, amp
from mindspore import dtype as mstype

from golden import fill, golden_input
from mindtune.assemble import build_classifier
from mindtune.config import RunConfig
from mindtune.engine.optim import AdamW
from mindtune.engine.precision import check_precision, create_loss_scaler, to_precision
from mindtune.engine.step import TrainStep
from mindtune.errors import ConfigError
from mindtune.heads.linear import LinearHead
from mindtune.objectives.supervised import SupervisedObjective
from mindtune.parameters import weights_of


def network(precision: str):
    run = RunConfig()
    run.backbone.name, run.tuning.modes, run.head.name = "vit_test", ["psrp", "full"], "moment"
    run.head.moment.width, run.head.moment.num_heads = 32, 2
    net = build_classifier(run, 5)
    fill(net.backbone)
    fill(net.head, "head.")
    to_precision(net, precision)
    return net


def test_fp16_products_change_logits_little_and_no_parameter():
    images = golden_input("image", (2, 3, 32, 32))
    exact, half = network("fp32"), network("fp16")
    assert {p.dtype for p in weights_of(half)} == {mstype.float32}
    assert [p.name for p in weights_of(half)] == [p.name for p in weights_of(exact)]
    expected, found = exact(images).asnumpy(), half(images)
    assert found.dtype == mstype.float16
    difference = np.abs(found.asnumpy().astype(np.float32) - expected).max()
    assert 0 < difference < 5e-3 * np.abs(expected).max()


@pytest.mark.parametrize("pool", ["pooled", "mean"])
def test_a_linear_head_in_fp16_stays_close(pool):
    rng = np.random.default_rng(0)
    tokens = Tensor(rng.standard_normal((2, 197, 16)).astype(np.float32))
    pooled = Tensor(rng.standard_normal((2, 16)).astype(np.float32))
    exact, half = LinearHead(16, 3, 1, pool), LinearHead(16, 3, 1, pool)
    fill(exact)
    fill(half)
    to_precision(half, "fp16")
    expected = exact(tokens, pooled).asnumpy()
    found = half(tokens, pooled).asnumpy().astype(np.float32)
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


def test_fp16_training_with_loss_scaling_follows_fp32():
    images = golden_input("image", (4, 3, 32, 32))
    targets = Tensor(np.eye(5, dtype=np.float32)[:4])
    losses = {}
    for precision in ("fp32", "fp16"):
        net = network(precision)
        parameters = weights_of(net)
        scaler = amp.DynamicLossScaler(2.0**10, 2, 100) if precision == "fp16" else None
        step = TrainStep(
            SupervisedObjective(net), parameters, AdamW(parameters, 0.05), loss_scaler=scaler
        )
        losses[precision] = [step(1e-3, n, [(images, targets)]).loss() for n in range(10)]
    assert losses["fp32"][-1] < 0.8 * losses["fp32"][0]
    np.testing.assert_allclose(losses["fp16"], losses["fp32"], rtol=5e-3)


@pytest.mark.parametrize(
    ("precision", "device", "cure"),
    [("fp16", "CPU", "--precision fp32$"), ("bf16", "CPU", "fp32$"), ("bf16", "GPU", "or fp16")],
)
def test_what_a_device_cannot_train_in_is_refused(precision, device, cure):
    with pytest.raises(ConfigError, match=f"precision: got {precision} on {device}.*{cure}"):
        check_precision(precision, device)


def test_only_fp16_needs_loss_scaling():
    for precision, device in (
        ("fp32", "CPU"),
        ("fp16", "GPU"),
        ("fp16", "Ascend"),
        ("bf16", "Ascend"),
    ):
        check_precision(precision, device)
        assert (create_loss_scaler(precision) is not None) == (precision == "fp16")
