"""The written file gives the network's own logits, holds its weights once, or is refused."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import mindspore as ms
import numpy as np
import onnx
import pytest
from mindspore import Parameter, Tensor, nn
from onnx import numpy_helper

from mindtune.backbones import create_backbone
from mindtune.errors import ConfigError, UserError
from mindtune.heads.linear import LinearHead
from mindtune.heads.moment import FIRST_TOKEN, MomentHead
from mindtune.heads.moment_isqrt import IsqrtMomentHead
from mindtune.heads.pairing import PAIRINGS
from mindtune.networks.classifier import Classifier
from mindtune.onnx_graph import write
from mindtune.onnx_graph.run import run_onnx
from mindtune.onnx_graph.write import write_onnx
from mindtune.ops.moment_pooling import CENTERINGS, SPLITS
from mindtune.parameters import weights_of
from mindtune.tuning.psrp import add_psrp

CLASSES = 5


@pytest.fixture(autouse=True)
def _operator_by_operator():
    """Compiling a graph for every network and batch would take most of the time."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


def _network(head=LinearHead, psrp=True, drop_path=0.2, **head_options) -> Classifier:
    """A two-block ViT on 32 x 32 images with random weights everywhere."""
    backbone = create_backbone("vit_test", drop_path=drop_path)
    if psrp:
        add_psrp(backbone, width=4)
    dim = backbone.num_features
    if head is LinearHead:
        network = Classifier(backbone, LinearHead(dim, CLASSES, 1, **head_options))
    else:
        network = Classifier(backbone, head(dim, CLASSES, width=32, **head_options))
    rng = np.random.default_rng(7)
    for weight in weights_of(network):
        value = 0.3 * rng.standard_normal(weight.shape) + ("norm" in weight.name)
        weight.set_data(Tensor(value.astype(np.float32)))
    return network.set_train(False)


def _images(batch: int) -> np.ndarray:
    return np.random.default_rng(batch).standard_normal((batch, 3, 32, 32)).astype(np.float32)


def _assert_same_logits(network: Classifier, file: Path, batch: int) -> None:
    images = _images(batch)
    expected = network(Tensor(images)).asnumpy()
    found = run_onnx(file, images)
    assert found.dtype == np.float32
    assert expected.shape == (batch, CLASSES)
    assert np.ptp(expected) > 1e-3  # the tolerance would hide everything in constant logits
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def _assert_written_equal(network: Classifier, file: Path, batches=(1, 5)) -> None:
    write_onnx(network, file, None)
    for batch in batches:
        _assert_same_logits(network, file, batch)


@pytest.mark.parametrize("iterations", [1, 2, 5])
def test_isqrt_moment_head(tmp_path, iterations):
    network = _network(IsqrtMomentHead, iterations=iterations)
    _assert_written_equal(network, tmp_path / "model.onnx")


@pytest.mark.parametrize("psrp", [False, True])
@pytest.mark.parametrize("pool", ["pooled", "mean"])
def test_linear_head(tmp_path, pool, psrp):
    _assert_written_equal(_network(LinearHead, psrp, pool=pool), tmp_path / "model.onnx")


_FORMS = itertools.product(SPLITS, CENTERINGS, FIRST_TOKEN)
_ALSO = itertools.cycle(zip(PAIRINGS, (False, True, True, False)))  # each three times


@pytest.mark.parametrize(
    ("split", "centering", "first_token", "pairing", "psrp"),
    [(*form, *also) for form, also in zip(_FORMS, _ALSO)],
)
def test_moment_head(tmp_path, split, centering, first_token, pairing, psrp):
    options = {"pairing": pairing, "split": split, "centering": centering}
    network = _network(MomentHead, psrp, first_token=first_token, **options)
    _assert_written_equal(network, tmp_path / "model.onnx")


@pytest.mark.parametrize("head", [LinearHead, MomentHead])
def test_fixed_batch(tmp_path, head):
    network, file = _network(head), tmp_path / "model.onnx"
    write_onnx(network, file, 3)
    _assert_same_logits(network, file, 3)
    assert _shapes(onnx.load(file)) == {"images": [3, 3, 32, 32], "logits": [3, CLASSES]}


def test_other_sizes(tmp_path):
    """64 patches and 3 heads of 32: nothing is written for the test network's sizes only."""
    backbone = create_backbone("vit_mini_patch4_32")
    network = Classifier(backbone, LinearHead(backbone.num_features, CLASSES, 1)).set_train(False)
    _assert_written_equal(network, tmp_path / "model.onnx", batches=(2,))


@pytest.mark.parametrize("prefix", ["patch_embed", "norm", "head.proj"])
def test_norms_of_almost_constant_features(tmp_path, prefix):
    """Features of a variance near a norm's epsilon show whether the file has the same epsilon."""
    network = _network(MomentHead, split="contiguous", centering="scalar")
    if prefix == "norm":  # the final one reads the residual stream: shrink all that is added to it
        shrunk = ("attn.proj", "mlp.fc2", "psrp.up_bias", "patch_embed", "cls_token", "pos_embed")
    else:
        shrunk = (prefix, "cls_token", "pos_embed")
    for weight in weights_of(network):
        if any(part in weight.name for part in shrunk):
            weight.set_data(weight * 1e-3)
    _assert_written_equal(network, tmp_path / "model.onnx", batches=(2,))


@pytest.mark.parametrize("scale", [0.0, 1e-7])
def test_covariances_near_zero(tmp_path, scale):
    """Columns of a norm at or below its clamp."""
    network = _network(MomentHead, centering="channel")
    network.head.ln.weight.set_data(network.head.ln.weight * scale)
    network.head.ln.bias.set_data(network.head.ln.bias * 0)
    network.head.classifier2.weight.set_data(network.head.classifier2.weight * 100)
    _assert_written_equal(network, tmp_path / "model.onnx", batches=(2,))


@pytest.mark.parametrize("head", [LinearHead, MomentHead])
def test_file_holds_every_weight_once_under_its_name(tmp_path, head):
    network, file = _network(head), tmp_path / "model.onnx"
    write_onnx(network, file, None)
    initialisers = onnx.load(file).graph.initializer
    held = [i for i in initialisers if not i.name.startswith("constant/")]
    weights = {p.name: p.asnumpy() for p in weights_of(network)}
    assert sorted(i.name for i in held) == sorted(weights)
    for initialiser in held:
        np.testing.assert_array_equal(numpy_helper.to_array(initialiser), weights[initialiser.name])
    constants = [numpy_helper.to_array(i) for i in initialisers if i not in held]
    assert max(c.size for c in constants) <= 6  # no weight was folded into one


@pytest.mark.parametrize("head", [LinearHead, MomentHead])
def test_file_is_valid_and_of_an_opset_that_older_runtimes_read(tmp_path, head):
    write_onnx(_network(head), tmp_path / "model.onnx", None)
    model = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    assert model.ir_version == 8
    shapes = {"images": ["batch", 3, 32, 32], "logits": ["batch", CLASSES]}
    assert _shapes(model) == shapes


def _shapes(model: onnx.ModelProto) -> dict[str, list[int | str]]:
    """Sizes of the file's inputs and outputs; a dynamic one is a name."""
    return {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }


class _LowRankDense(nn.Dense):
    """A stand-in for a tuning without a writer: a subclass of a Cell which has one."""


def _replace_projection(network: Classifier) -> None:
    network.backbone.blocks[1].attn.qkv = _LowRankDense(24, 72)


def _replace_head(network: Classifier) -> None:
    network.head = nn.LSTM(24, CLASSES)


def _activate(network: Classifier) -> None:
    network.backbone.blocks[0].mlp.fc1.activation = nn.Tanh()


def _pad_convolution(network: Classifier) -> None:
    network.head.downblocks[0][2].pad_mode = "same"


def _add_parameter(network: Classifier) -> None:
    network.head.temperature = Parameter(Tensor(2.0, ms.float32), name="head.temperature")


def _repeat_name(network: Classifier) -> None:
    network.backbone.blocks[1].norm1.weight.name = "blocks.0.norm1.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_replace_projection, r"_LowRankDense at backbone\.blocks\.1\.attn\.qkv, .*Attention, "),
        (_replace_head, r"LSTM at head, .*VisionTransformer"),
        (_activate, r"Tanh at backbone\.blocks\.0\.mlp\.fc1\.activation"),
        (_pad_convolution, r"Conv2d with pad_mode 'same'"),
        (_add_parameter, r"parameters head\.temperature,"),
        (_repeat_name, r"parameters blocks\.0\.norm1\.weight,"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, change, message):
    network = _network(MomentHead)
    change(network)
    with pytest.raises(ConfigError, match=f"{message}.*use --file_format MINDIR"):
        write_onnx(network, tmp_path / "model.onnx", None)
    assert not list(tmp_path.iterdir())


def test_more_weights_than_a_file_holds_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(write, "_LARGEST_FILE", 1000)
    with pytest.raises(ConfigError, match=r"GiB of weights, expected less than the 2 GiB"):
        write_onnx(_network(), tmp_path / "model.onnx", None)


def test_missing_package_names_the_extra(tmp_path, monkeypatch):
    file = tmp_path / "model.onnx"
    network = _network()
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r"the package onnx .*pip install 'mindtune\[onnx\]'"):
        write_onnx(network, file, None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"the package onnxruntime .*'mindtune\[onnx\]'"):
        run_onnx(file, _images(1))
