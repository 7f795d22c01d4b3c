"""Every kind of backbone trains: gradients reach all of it, and it learns eight images by heart."""

from __future__ import annotations

from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import ParameterTuple, Tensor, ops
from PIL import Image

from golden import golden_input
from mindtune.backbones import create_backbone
from mindtune.engine.optim import AdamW
from mindtune.engine.step import TrainStep
from mindtune.heads.linear import LINEAR_HEADS
from mindtune.networks.classifier import Classifier
from mindtune.objectives.supervised import SupervisedObjective
from mindtune.parameters import weights_of
from mindtune.tuning.psrp import add_psrp
from timm_weights import fill_as_timm

NAMES = ["swin_test", "swinv2_test", "fd_vit_test", "fd_vit_test_student", "vit_layer_scale_test"]
PHOTOGRAPHS = Path(__file__).parents[1] / "data" / "images"
CLASSES = 8


@pytest.fixture
def _operator_by_operator():
    """Compiling a training graph takes longer than one step without."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


def classifier(name: str, psrp: bool) -> Classifier:
    backbone = create_backbone(name)
    if psrp:
        add_psrp(backbone, width=4, init="authors")
    head = LINEAR_HEADS[backbone.classifier]
    return Classifier(backbone, head(backbone.num_features, CLASSES, backbone.num_prefix_tokens))


def differentiated(network: Classifier):
    parameters = ParameterTuple(weights_of(network))
    objective = SupervisedObjective(network.set_train(True))
    return parameters, ops.value_and_grad(objective, None, parameters, has_aux=True)


@pytest.mark.usefixtures("_operator_by_operator")
@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_every_weight(name):
    network = classifier(name, psrp=True)
    fill_as_timm(network)
    parameters, differentiate = differentiated(network)
    targets = Tensor(np.eye(CLASSES, dtype=np.float32)[[0, 2]])
    _, gradients = differentiate(golden_input("image", (2, 3, 32, 32)), targets)
    arrays = {p.name: g.asnumpy() for p, g in zip(parameters, gradients)}
    assert [n for n, g in arrays.items() if not np.abs(g).max() > 0] == []
    assert [n for n, g in arrays.items() if not np.isfinite(g).all()] == []


def eight_images() -> Tensor:
    """Both photographs, each turned four times, as (8, 3, 32, 32)."""
    photographs = [Image.open(file) for file in sorted(PHOTOGRAPHS.glob("*.jpg"))]
    views = [p.resize((32, 32)).rotate(90 * i) for p in photographs for i in range(4)]
    pixels = np.stack([np.asarray(view, np.float32) for view in views]) / 127.5 - 1
    return Tensor(pixels.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("name", ["swin_test", "swinv2_test", "fd_vit_test"])
def test_learns_eight_images_by_heart(name):
    network = classifier(name, psrp=False).set_train(True)
    weights = weights_of(network)
    step = TrainStep(SupervisedObjective(network), weights, AdamW(weights, 0.0))
    images, targets = eight_images(), Tensor(np.eye(CLASSES, dtype=np.float32))
    losses = [float(step(3e-3, n, [(images, targets)]).loss()) for n in range(60)]
    assert losses[0] == pytest.approx(np.log(CLASSES), abs=0.3)
    assert losses[-1] < 0.1
    answers = network.set_train(False)(images).asnumpy().argmax(1)
    assert answers.tolist() == list(range(CLASSES))


@pytest.mark.usefixtures("_operator_by_operator")
@pytest.mark.parametrize("name", ["vit_test", "vit_clip_test", "swin_test", "convnext_test"])
def test_running_a_network_leaves_the_names_of_its_parameters(name):
    """MindSpore renames the parameters of a CellList that is sliced."""
    backbone = create_backbone(name)
    names = [p.name for p in weights_of(backbone)]
    size = backbone.preprocessing.input_size
    backbone(golden_input("image", (1, 3, size, size)))
    if hasattr(backbone, "forward_attention"):
        backbone.forward_attention(golden_input("image", (1, 3, size, size)))
    assert [p.name for p in weights_of(backbone)] == names
