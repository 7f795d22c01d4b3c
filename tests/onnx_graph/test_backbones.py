"""Every kind of backbone as an ONNX file, on any batch and through either classifier."""

from __future__ import annotations

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindtune.backbones import create_backbone
from mindtune.heads.linear import LINEAR_HEADS
from mindtune.heads.moment import MomentHead
from mindtune.heads.normed_linear import NormedLinearHead
from mindtune.networks.classifier import CLASSIFIERS
from mindtune.onnx_graph.run import run_onnx
from mindtune.onnx_graph.write import write_onnx
from mindtune.parameters import weights_of
from mindtune.tuning.psrp import add_psrp

CLASSES = 5


@pytest.fixture(autouse=True)
def _operator_by_operator():
    """Compiling a graph for every network and batch would take most of the time."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.mark.parametrize(
    ("name", "size", "tokens", "head"),
    [
        ("swin_test", 32, "normed", "linear"),
        ("swin_test", 40, "unnormed", "moment"),  # maps of 10 and 5: padded, shifted
        ("swin_test", 36, "unnormed", "linear"),  # maps of 9 and 5: merging pads
        ("swinv2_test", 40, "unnormed", "moment"),
        ("swinv2_test", 36, "normed", "linear"),
        ("vit_test", 32, "unnormed", "moment"),
        ("vit_layer_scale_test", 32, "normed", "linear"),
        ("vit_test", 32, "normed", "normed_linear"),
        ("fd_vit_test", 40, "normed", "linear"),
        ("fd_vit_test_student", 32, "unnormed", "moment"),
    ],
)
def test_logits_of_the_file_are_those_of_the_network(tmp_path, name, size, tokens, head):
    backbone = create_backbone(name, image_size=size, drop_path=0.1)
    add_psrp(backbone, width=4)
    dim, prefix = backbone.num_features, backbone.num_prefix_tokens
    if head == "linear":
        module = LINEAR_HEADS[backbone.classifier](dim, CLASSES, prefix)
    elif head == "normed_linear":
        module = NormedLinearHead(dim, CLASSES, prefix, "mean")
    else:
        module = MomentHead(dim, CLASSES, width=32)
    network = CLASSIFIERS[tokens](backbone, module)
    rng = np.random.default_rng(7)
    for weight in weights_of(network):
        value = 0.3 * rng.standard_normal(weight.shape) + ("norm" in weight.name)
        value = np.abs(value) if "running_var" in weight.name else value
        weight.set_data(Tensor(value.astype(np.float32)))
    network.set_train(False)
    write_onnx(network, tmp_path / "model.onnx", None)
    for batch in (1, 3):
        images = rng.standard_normal((batch, 3, size, size)).astype(np.float32)
        expected = network(Tensor(images)).asnumpy()
        assert np.ptp(expected) > 1e-3  # the tolerance would hide everything in constant logits
        found = run_onnx(tmp_path / "model.onnx", images)
        np.testing.assert_allclose(found, expected, rtol=0, atol=5e-5 * np.abs(expected).max())
