"""CLIP's image towers exported: the file gives the network's own logits, or is refused."""

from __future__ import annotations

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindtune.backbones import create_backbone
from mindtune.heads.linear import LinearHead
from mindtune.heads.moment import MomentHead
from mindtune.mindir import run_mindir, write_mindir
from mindtune.networks.classifier import CLASSIFIERS, Classifier
from mindtune.onnx_graph.run import run_onnx
from mindtune.onnx_graph.write import write_onnx
from mindtune.parameters import weights_of
from mindtune.tuning.psrp import add_psrp

CLASSES = 5


def network_of(name: str, tokens: str = "normed", psrp: bool = False) -> Classifier:
    backbone = create_backbone(name)
    dim = backbone.num_features
    if psrp:
        add_psrp(backbone, width=4, init="authors")
        head = MomentHead(dim, CLASSES, width=32)
    else:
        head = LinearHead(dim, CLASSES, 1)
    network = CLASSIFIERS[tokens](backbone, head)
    rng = np.random.default_rng(7)
    for weight in weights_of(network):
        value = 0.1 * rng.standard_normal(weight.shape)
        is_scale = weight.name.endswith(("weight", "running_var")) and weight.ndim == 1
        weight.set_data(Tensor((np.abs(value) + 1 if is_scale else value).astype(np.float32)))
    return network.set_train(False)


def images_for(network: Classifier, batch: int) -> np.ndarray:
    size = network.backbone.preprocessing.input_size
    return np.random.default_rng(batch).standard_normal((batch, 3, size, size)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "tokens", "psrp"),
    [
        ("vit_clip_test", "normed", False),
        ("vit_clip_test", "unnormed", True),
        ("resnet_clip_test", "normed", False),
        ("resnet_clip_test", "unnormed", False),
    ],
)
@pytest.mark.parametrize(
    ("write", "run", "suffix"),
    [(write_onnx, run_onnx, "onnx"), (write_mindir, run_mindir, "mindir")],
)
def test_exported_equals_eager(tmp_path, name, tokens, psrp, write, run, suffix):
    network, file = network_of(name, tokens, psrp), tmp_path / f"model.{suffix}"
    write(network, file, None)
    for batch in (1, 3):
        images = images_for(network, batch)
        ms.set_context(mode=ms.PYNATIVE_MODE)
        expected = network(Tensor(images)).asnumpy()
        ms.set_context(mode=ms.GRAPH_MODE)
        assert np.ptp(expected) > 1e-3  # the tolerance would hide everything in constant logits
        np.testing.assert_allclose(
            run(file, images), expected, rtol=0, atol=2e-5 * np.abs(expected).max()
        )


def test_unnormed_tokens_are_those_before_ln_post():
    """The Moment Probing authors' CLIP: the moments read them, the linear part ln_post's token."""
    normed, unnormed = (network_of("vit_clip_test", t, psrp=True) for t in ("normed", "unnormed"))
    images = Tensor(images_for(normed, 2))
    backbone = unnormed.backbone
    raw, pooled = backbone.forward_tokens(images), backbone(images)[1]
    expected = unnormed.head(raw, pooled).asnumpy()
    np.testing.assert_allclose(unnormed(images).asnumpy(), expected, rtol=1e-5, atol=1e-6)
    assert np.abs(normed(images).asnumpy() - expected).max() > 1e-3
