from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn
from scipy.special import log_softmax

from mindtune.objectives.supervised import SupervisedObjective


def test_loss_is_the_mean_soft_target_cross_entropy():
    rng = np.random.default_rng(0)
    logits = (10 * rng.standard_normal((6, 5))).astype(np.float32)
    targets = rng.dirichlet(np.ones(5), 6).astype(np.float32)
    expected = -(targets * log_softmax(logits.astype(np.float64), axis=-1)).sum(-1).mean()
    loss, terms = SupervisedObjective(nn.Identity())(Tensor(logits), Tensor(targets))
    np.testing.assert_allclose(float(loss.asnumpy()), expected, rtol=1e-6)
    assert len(terms) == len(SupervisedObjective.term_names) == 1
    assert float(terms[0].asnumpy()) == float(loss.asnumpy())


def test_loss_of_the_peft_specification():
    """Two smoothed targets and the loss that the authors' code gives (section 5)."""
    logits = np.array([[1, 2, 3, 4], [0, 0, 1, 0]], np.float32)
    targets = np.full((2, 4), 0.025, np.float32)
    targets[0, 1] = targets[1, 3] = 0.925
    loss, _ = SupervisedObjective(nn.Identity())(Tensor(logits), Tensor(targets))
    np.testing.assert_allclose(float(loss.asnumpy()), 2.0544291, rtol=1e-6)
