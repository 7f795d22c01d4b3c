from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor

from mindtune.backbones import create_backbone
from mindtune.errors import ConfigError
from mindtune.heads.moment import MomentHead
from mindtune.heads.moment_isqrt import IsqrtMomentHead
from mindtune.mindir import run_mindir, write_mindir
from mindtune.networks.classifier import Classifier


def test_a_network_too_large_for_one_file_is_refused_before_it_is_built(tmp_path, monkeypatch):
    class Large:
        size = 2**28

    monkeypatch.setattr("mindtune.mindir.weights_of", lambda network: [Large()])
    with pytest.raises(ConfigError, match=r"1\.00 GiB of weights.*use --file_format ONNX"):
        write_mindir(None, tmp_path / "m.mindir", None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("head", [MomentHead, IsqrtMomentHead])
def test_the_file_holds_no_compiled_operator_and_gives_the_logits_of_one(tmp_path, head):
    backbone = create_backbone("vit_test")
    network = Classifier(backbone, head(backbone.num_features, 5, width=32)).set_train(False)
    images = np.random.default_rng(0).standard_normal((3, 3, 32, 32)).astype(np.float32)
    assert network.head.pooling.uses_kernel
    expected = network(Tensor(images)).asnumpy()

    file = tmp_path / "m.mindir"
    write_mindir(network, file, None)
    assert b"libmindtune" not in file.read_bytes()
    for batch in (3, 1):
        found = run_mindir(file, images[:batch])
        np.testing.assert_allclose(found, expected[:batch], rtol=0, atol=1e-5)
    assert network.head.pooling.uses_kernel
    np.testing.assert_array_equal(network(Tensor(images)).asnumpy(), expected)
