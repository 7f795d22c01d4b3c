from __future__ import annotations

import numpy as np
from mindspore import Tensor

from mindtune.heads.tip_adapter import TipAdapter
from mindtune.parameters import weights_of

RNG = np.random.default_rng(0)
FEATURES, KEYS = RNG.standard_normal((3, 6)), RNG.standard_normal((8, 6))
TEXT = RNG.standard_normal((6, 4))
TEXT /= np.linalg.norm(TEXT, axis=0)
LABELS = np.array([0, 0, 1, 1, 2, 2, 3, 3])


def test_logits():
    f = FEATURES / np.linalg.norm(FEATURES, axis=1, keepdims=True)
    expected = 100 * f @ TEXT
    for image, row in enumerate(f):
        for key, label in zip(KEYS, LABELS):
            cosine = row @ key / np.linalg.norm(key)
            expected[image, label] += 1.3 * np.exp(-2.5 * (1 - cosine))
    head = TipAdapter(TEXT.astype(np.float32), KEYS, LABELS, alpha=1.3, beta=2.5)
    found = head(Tensor(FEATURES.astype(np.float32))).asnumpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


def test_only_the_keys_train():
    head = TipAdapter(TEXT.astype(np.float32), KEYS, LABELS)
    assert [p.name for p in weights_of(head) if p.requires_grad] == ["keys"]
