"""ConvNeXt and ResNet on files that real tools wrote, and on the tools' own gradients."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from mindtune.backbones import (
    ConvNeXt,
    ConvNeXtArchitecture,
    ResNet,
    ResNetArchitecture,
    create_backbone,
)
from mindtune.heads.linear import LINEAR_HEADS, ClassifierHead, LinearHead
from mindtune.networks.classifier import Classifier
from mindtune.parameters import named_weights, weights_of
from mindtune.preprocessing import Preprocessing
from mindtune.pretrained import load_for_training, read_pretrained
from mindtune.tuning.apply import apply_tunings, train_everything
from mindtune.weights.convnet_names import (
    FACEBOOK_CONVNEXT,
    HUGGING_FACE_CONVNEXT,
    WRITTEN_HUGGING_FACE_CONVNEXT,
)
from mindtune.weights.load import load_weights
from mindtune.weights.names import to_timm
from mindtune.weights.readers import read_tensors
from mindtune.weights.written_names import HUGGING_FACE_MAPS, from_timm, table_for

DATA = Path(__file__).parents[1] / "data"
FILES = DATA / "weights"
EXPECTED = np.load(FILES / "convnets_expected.npz")
TIMM = np.load(DATA / "convnets" / "timm.npz")
TIMM_FILE = FILES / "h_hier" / "convnext_timm1.safetensors"
FACEBOOK_FILE = FILES / "h_hier" / "convnext_fb_keys_channels_last.pth"
RESNET_FILE = DATA / "convnets" / "resnet.safetensors"
MOCO_FILE = FILES / "e_moco" / "r-50-tiny.pth.tar"


@pytest.fixture
def eager():
    """Operator by operator, where compiling a graph would take most of the time."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


def convnext(classes: int = 6) -> Classifier:
    arch = ConvNeXtArchitecture((1, 1, 2, 1), (8, 12, 16, 24))
    backbone = ConvNeXt(arch, Preprocessing(64))
    return Classifier(backbone, ClassifierHead(24, classes, 0)).set_train(False)


def resnet() -> Classifier:
    backbone = ResNet(ResNetArchitecture((1, 2, 1, 1), width=3), Preprocessing(64))
    return Classifier(backbone, LinearHead(96, 5, 0)).set_train(False)


def resnet_images() -> Tensor:
    return Tensor(np.random.default_rng(6).standard_normal((3, 3, 64, 64)).astype(np.float32))


def assert_close(found: Tensor | np.ndarray, expected: np.ndarray, tolerance: float = 2e-5):
    array = found.asnumpy() if isinstance(found, Tensor) else found
    scale = tolerance * max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(array, expected, rtol=0, atol=scale)


def as_nchw(tokens: Tensor) -> np.ndarray:
    array = tokens.asnumpy()
    side = int(array.shape[1] ** 0.5)
    return array.reshape(len(array), side, side, -1).transpose(0, 3, 1, 2)


@pytest.mark.parametrize("file", [TIMM_FILE, FACEBOOK_FILE], ids=["timm", "Facebook"])
def test_convnext_gives_the_outputs_of_the_tool_that_wrote_the_file(file, eager):
    network = convnext()
    load_weights(network, file)
    image = Tensor(EXPECTED["h_convnext/image"])
    tokens, pooled = network.backbone(image)
    assert_close(network(image), EXPECTED["h_convnext/logits"])
    assert_close(pooled, EXPECTED["h_convnext/pooled"])
    assert_close(as_nchw(tokens), EXPECTED["h_convnext/feature_map_nchw"])


def test_moco_file_gives_its_base_encoder(eager):
    backbone = ResNet(ResNetArchitecture((1, 2, 1, 1), 3, stem_width=3), Preprocessing(48))
    backbone.set_train(False)
    report = load_weights(backbone, MOCO_FILE)
    assert "MoCo names" in report.source
    left = {re.sub(r"^(module\.)?(\w+)\..*", r"\2", name) for name in report.dropped}
    assert left == {"base_encoder", "momentum_encoder", "predictor", "fc"}  # counters, projector
    tokens, pooled = backbone(Tensor(EXPECTED["e_moco/image"]))
    assert_close(pooled, EXPECTED["e_moco/pooled"])
    assert_close(as_nchw(tokens), EXPECTED["e_moco/layer4"])
    assert np.abs(pooled.asnumpy() - EXPECTED["e_moco/pooled_momentum_encoder"]).max() > 1e-3


def test_moco_s_full_size_checkpoint_has_the_names_and_shapes_of_resnet50():
    listed = json.loads((MOCO_FILE.parent / "r-50_full_keys.json").read_text())["state_dict"]
    tensors = {name: np.broadcast_to(np.float32(0), shape) for name, shape in listed.items()}
    renamed = to_timm(tensors)
    kept = {n: a.shape for n, a in renamed.tensors.items() if not n.startswith("fc.")}
    with nn.utils.no_init_parameters():
        backbone = create_backbone("resnet50")
    assert kept == {n: tuple(p.shape) for n, p in named_weights(backbone).items()}


def test_resnet_of_timm_in_evaluation_and_in_training(eager):
    network = resnet()
    report = load_weights(network, RESNET_FILE)
    assert all(name.endswith("num_batches_tracked") for name in report.dropped)
    assert_close(network(resnet_images()), TIMM["resnet/logits_eval"])
    apply_tunings(network.backbone, [train_everything])
    network.set_train(True)
    assert_close(network(resnet_images()), TIMM["resnet/logits_train"])


class Weighted(nn.Cell):
    """The sum of the logits with random weights."""

    def __init__(self, network: nn.Cell, shape: tuple[int, ...]) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        weights = np.random.default_rng(5).standard_normal(shape)
        self.weights = Tensor(weights.astype(np.float32))

    def construct(self, images: Tensor) -> Tensor:
        return (self.network(images) * self.weights).sum()


@pytest.mark.parametrize("family", ["convnext", "resnet"])
def test_gradients_are_those_of_timm(family):
    if family == "convnext":
        network, file, images = convnext(), TIMM_FILE, Tensor(EXPECTED["h_convnext/image"])
    else:
        network, file, images = resnet(), RESNET_FILE, resnet_images()
    load_weights(network, file)
    apply_tunings(network.backbone, [train_everything])
    network.set_train(family == "resnet")
    trained = [p for p in weights_of(network) if p.requires_grad]
    weighted = Weighted(network, (len(images), 6 if family == "convnext" else 5))
    _, gradients = ops.value_and_grad(weighted, None, ms.ParameterTuple(trained))(images)
    wanted = {key.split("/", 1)[1] for key in TIMM if key.startswith(f"{family}/")}
    wanted = {key for key in wanted if not key.startswith(("after/", "logits"))}
    assert {p.name for p in trained} == wanted
    for parameter, gradient in zip(trained, gradients):
        g = gradient.asnumpy().astype(np.float64)
        q = np.random.default_rng(zlib.crc32(parameter.name.encode())).standard_normal(g.shape)
        norm, projection = TIMM[f"{family}/{parameter.name}"]
        found = np.array([np.linalg.norm(g), (g * q).sum()])
        np.testing.assert_allclose(
            found, [norm, projection], rtol=0, atol=1e-4 * norm + 1e-5, err_msg=parameter.name
        )
    if family == "resnet":  # the one forward pass moved the statistics, once
        for name, parameter in network.backbone.parameters_and_names():
            if "running" in name:
                assert_close(parameter, TIMM[f"resnet/after/{name}"])


def test_names_and_shapes_are_those_of_the_libraries():
    for network, file in ((convnext(), TIMM_FILE), (resnet(), RESNET_FILE)):
        theirs = {n: a.shape for n, a in read_tensors(file).tensors.items()}
        counters = {name for name in theirs if name.endswith("num_batches_tracked")}
        assert {p.name: tuple(p.shape) for p in weights_of(network)} == {
            name: shape for name, shape in theirs.items() if name not in counters
        }


@pytest.mark.parametrize("name", ["convnext_tiny", "resnet50"])
def test_real_size_names_and_shapes_are_those_of_the_libraries(name):
    theirs = json.loads((DATA / "convnets" / "keys.json").read_text())[name]
    backbone = create_backbone(name)
    head = LINEAR_HEADS[backbone.classifier](backbone.num_features, 1000, 0)
    network = Classifier(backbone, head)
    assert {p.name: list(p.shape) for p in weights_of(network)} == theirs


def test_a_new_head_keeps_the_norm_that_timm_has_in_its_head():
    network = convnext(classes=9)
    report = load_for_training(network, read_pretrained(str(TIMM_FILE)), reset_head=True)
    assert sorted(report.new) == sorted(report.dropped) == ["head.fc.bias", "head.fc.weight"]
    stored = read_tensors(TIMM_FILE).tensors["head.norm.weight"]
    np.testing.assert_array_equal(network.backbone.head.norm.weight.asnumpy(), stored)


def test_facebook_s_names_and_timm_s_are_one_to_one():
    timm = read_tensors(TIMM_FILE).tensors
    facebook = read_tensors(FACEBOOK_FILE).tensors
    written = from_timm(timm, FACEBOOK_CONVNEXT).tensors
    renamed = to_timm(facebook).tensors
    for one, other in ((written, facebook), (renamed, timm)):
        assert one.keys() == other.keys()
        for name, array in one.items():
            np.testing.assert_array_equal(array, other[name])


@pytest.mark.parametrize(
    ("table", "prefix"), [(HUGGING_FACE_CONVNEXT, ""), (WRITTEN_HUGGING_FACE_CONVNEXT, "convnext.")]
)
def test_hugging_face_s_convnext_there_and_back(table, prefix):
    timm = read_tensors(TIMM_FILE).tensors
    hugging_face = from_timm(timm, table).tensors
    expected = {  # names of transformers, by hand
        "classifier.weight": "head.fc.weight",
        f"{prefix}layernorm.bias": "head.norm.bias",
        f"{prefix}embeddings.layernorm.weight": "stem.1.weight",
        f"{prefix}encoder.stages.2.layers.1.layer_scale_parameter": "stages.2.blocks.1.gamma",
        f"{prefix}encoder.stages.1.downsampling_layer.1.bias": "stages.1.downsample.1.bias",
        f"{prefix}encoder.stages.0.layers.0.pwconv2.weight": "stages.0.blocks.0.mlp.fc2.weight",
    }
    assert len(hugging_face) == len(timm)
    for theirs, ours in expected.items():
        np.testing.assert_array_equal(hugging_face[theirs], timm[ours])
    renamed = to_timm(hugging_face)
    assert renamed.source == "Hugging Face ConvNeXt"
    assert renamed.tensors.keys() == timm.keys()
    assert table_for(timm, HUGGING_FACE_MAPS) is WRITTEN_HUGGING_FACE_CONVNEXT
