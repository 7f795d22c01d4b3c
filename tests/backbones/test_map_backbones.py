"""What ConvNeXt, AS-MLP and ResNet have in common: the contract, training, export."""

from __future__ import annotations

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from mindtune.assemble import build_classifier
from mindtune.backbones import create_backbone
from mindtune.backbones.as_mlp import AxialShift
from mindtune.config import RunConfig
from mindtune.engine.ema import Ema
from mindtune.engine.optim import AdamW
from mindtune.engine.step import SharedUpdate, TrainStep
from mindtune.errors import ConfigError
from mindtune.layers.moving import moving_statistics
from mindtune.mindir import run_mindir, write_mindir
from mindtune.networks.classifier import Classifier
from mindtune.objectives.supervised import SupervisedObjective
from mindtune.onnx_graph.run import run_onnx
from mindtune.onnx_graph.write import write_onnx
from mindtune.parameters import learnable_weights_of, weights_of

FAMILIES = ("convnext_test", "as_mlp_test", "resnet_test")
CLASSES = 4


@pytest.fixture
def eager():
    """Operator by operator, where compiling a graph would take most of the time."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


def images(batch: int = 3, size: int = 32) -> np.ndarray:
    rng = np.random.default_rng(batch)
    return rng.standard_normal((batch, 3, size, size)).astype(np.float32)


def classifier(
    name: str, modes: list[str], head: str = "linear", size: int = 64, tokens: str = "normed"
) -> Classifier:
    """A tiny network with random weights everywhere, large enough that each of them matters."""
    run = RunConfig()
    run.backbone.name, run.backbone.image_size = name, size
    run.tuning.modes, run.tuning.psrp.width = modes, 4
    run.head.name, run.head.tokens = head, tokens
    run.head.moment.width, run.head.moment.num_heads = 32, 2
    run.head.moment.split = "strided"
    network = build_classifier(run, CLASSES)
    rng = np.random.default_rng(7)
    for weight in weights_of(network):
        value = rng.standard_normal(weight.shape) * 0.3 + (weight.ndim == 1)
        if "running_var" in weight.name:
            value = np.abs(value) + 0.5
        weight.set_data(Tensor(value.astype(np.float32)))
    return network.set_train(False)


@pytest.mark.parametrize(("size", "tokens"), [(32, 1), (64, 4)])
@pytest.mark.parametrize("name", FAMILIES)
def test_tokens_and_pooled(name, size, tokens, eager):
    backbone = create_backbone(name, image_size=size).set_train(False)
    found, pooled = backbone(Tensor(images(2, size)))
    assert found.shape == (2, tokens, backbone.num_features)
    assert pooled.shape == (2, backbone.num_features)
    assert backbone.num_prefix_tokens == 0
    expected = ops.mean(found, 1)
    if name == "convnext_test":  # it norms the mean only
        expected = backbone.head.norm(expected)
    if name == "as_mlp_test":
        before = backbone.forward_tokens(Tensor(images(2, size)))
        np.testing.assert_allclose(backbone.norm(before).asnumpy(), found.asnumpy(), atol=1e-5)
    np.testing.assert_allclose(pooled.asnumpy(), expected.asnumpy(), rtol=1e-4, atol=1e-5)


class Inside(nn.Cell):
    """Calls the backbone's methods from a compiled graph, as an objective does."""

    def __init__(self, backbone: nn.Cell, layers: tuple[int, ...]) -> None:
        super().__init__()
        self.backbone, self.layers = backbone, layers

    def construct(self, batch: Tensor) -> tuple[Tensor, ...]:
        intermediates = self.backbone.forward_intermediates(batch, self.layers)
        return (*intermediates, self.backbone.forward_tokens(batch))


@pytest.mark.parametrize("name", [*FAMILIES, "resnet_clip_test"])
def test_intermediates_are_the_pixels_of_each_stage(name):
    backbone = create_backbone(name, image_size=64).set_train(False)
    batch = Tensor(images(2, 64))
    *found, last, tokens = (t.asnumpy() for t in Inside(backbone, (0, 1, 2, 3))(batch))
    counts = (64, 16, 4, 4) if name == "as_mlp_test" else (256, 64, 16, 4)  # it merges last
    assert [t.shape[:2] for t in (*found, last)] == [(2, count) for count in counts]
    if name == "resnet_clip_test":  # whose tokens come from the attention over the last map
        last = backbone.visual.attnpool(Tensor(last.reshape(2, 2, 2, -1))).asnumpy()
    np.testing.assert_allclose(last, tokens, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="beyond the last block or stage"):
        backbone.forward_intermediates(batch, (4,))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [  # without the classifier, as timm and torchvision count
        ("convnext_tiny", 27_820_128),
        ("convnext_small", 49_454_688),
        ("convnext_base", 87_566_464),
        ("resnet50", 23_508_032),
    ],
)
def test_parameter_counts(name, parameters):
    assert sum(p.size for p in learnable_weights_of(create_backbone(name))) == parameters


@pytest.mark.parametrize("name", FAMILIES)
def test_layer_groups_hold_every_weight_that_may_train_once(name):
    backbone = create_backbone(name)
    groups = backbone.layer_groups()
    grouped = [p for group in groups.values() for p in group]
    weights = learnable_weights_of(backbone)
    assert {id(p) for p in grouped} == {id(p) for p in weights}
    assert len(grouped) == len(weights)
    assert not any("running" in p.name for p in grouped)
    blocks = [f"blocks.{index}" for index in range(len(backbone.blocks))]
    assert list(groups) == ["embed", *blocks, *(["norm"] if name != "resnet_test" else [])]


@pytest.mark.parametrize("axis", [1, 2])
def test_axial_shift_moves_groups_of_channels_and_brings_in_zeros(axis, eager):
    x = np.random.default_rng(0).standard_normal((2, 4, 3, 12)).astype(np.float32)
    expected = np.zeros_like(x)
    side = x.shape[axis]
    for channel in range(12):
        distance = channel // 3 - 2  # ceil(12 / 5) = 3 channels a group
        for target in range(side):
            if 0 <= target - distance < side:
                at, origin = [slice(None)] * 4, [slice(None)] * 4
                at[3] = origin[3] = channel
                at[axis], origin[axis] = target, target - distance
                expected[tuple(at)] = x[tuple(origin)]
    found = AxialShift(12, 5, axis)(Tensor(x)).asnumpy()
    np.testing.assert_array_equal(found, expected)


class Weighted(nn.Cell):
    """A scalar with a slope in every logit."""

    def __init__(self, network: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, batch: Tensor) -> Tensor:
        logits = self.network(batch)
        return (logits * Tensor(np.arange(1.0, 1 + CLASSES, dtype=np.float32))).sum()


def test_gradient_of_as_mlp_is_the_slope(eager):
    """Along a random direction, by central differences."""
    network = classifier("as_mlp_test", ["psrp", "full"], "moment")
    trained = [p for p in weights_of(network) if p.requires_grad]
    weighted, batch = Weighted(network), Tensor(images(2, 64))
    _, gradients = ops.value_and_grad(weighted, None, ms.ParameterTuple(trained))(batch)
    rng = np.random.default_rng(0)
    values = [p.asnumpy().copy() for p in trained]
    directions = [np.sign(g.asnumpy()) * (rng.random(g.shape) < 0.5) for g in gradients]
    slope = sum(float((g.asnumpy() * d).sum()) for g, d in zip(gradients, directions))
    ends = []
    for epsilon in (1e-4, -1e-4):
        for parameter, value, direction in zip(trained, values, directions):
            parameter.set_data(Tensor((value + epsilon * direction).astype(np.float32)))
        ends.append(float(weighted(batch).asnumpy()))
    assert (ends[0] - ends[1]) / 2e-4 == pytest.approx(slope, rel=0.02)


@pytest.mark.parametrize(
    ("name", "modes", "head"),
    [
        ("convnext_test", ["psrp", "norm"], "moment"),
        ("as_mlp_test", ["psrp"], "moment"),
        ("resnet_test", ["full"], "linear"),
        ("resnet_test", ["linear"], "linear"),
    ],
)
def test_training_moves_exactly_what_trains_and_learns(name, modes, head):
    network = classifier(name, modes, head)
    before = {p.name: p.asnumpy().copy() for p in weights_of(network)}
    trained = [p for p in weights_of(network) if p.requires_grad]
    moving = moving_statistics(network.backbone)
    ema = Ema([*trained, *moving], 0.5)
    step = TrainStep(SupervisedObjective(network), trained, AdamW(trained, 0.0), ema=ema)
    batch = Tensor(images(8, 64)), Tensor(np.eye(CLASSES, dtype=np.float32)[np.arange(8) % CLASSES])
    losses = [step(1e-2, number, [batch]).loss() for number in range(20)]
    assert losses[-1] < 0.8 * losses[0]
    changed = {p.name for p in weights_of(network) if moved(p, before[p.name])}
    assert changed == {p.name for p in (*trained, *moving)}
    assert bool(moving) == (name == "resnet_test" and modes == ["full"])
    averaged = dict(zip((p.name for p in ema.parameters), ema.averages))
    for parameter in (*trained, *moving):
        between = averaged[parameter.name].asnumpy()
        assert np.any(between != parameter.asnumpy()), parameter.name
        assert moved(averaged[parameter.name], before[parameter.name])


class Doubled(nn.Cell):
    """Stands for the mean over ranks."""

    def construct(self, values: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        doubled: tuple[Tensor, ...] = ()
        for value in values:
            doubled += (value * 2.0,)
        return doubled


class NoUpdate(nn.Cell):
    """Gives back the first gradient as the norm."""

    def construct(self, lr: Tensor, gradients: tuple[Tensor, ...]) -> Tensor:
        return gradients[0] * lr


def test_ranks_share_running_statistics():
    statistics = [ms.Parameter(Tensor([3.0, 4.0]), name="a"), ms.Parameter(Tensor([5.0]), name="b")]
    shared = SharedUpdate(NoUpdate(), Doubled(), 1, statistics)
    scalars, norm = shared(Tensor(1.0), (Tensor(7.0),), (Tensor(8.0),))
    assert [float(s.asnumpy()) for s in scalars] == [16.0]
    assert float(norm.asnumpy()) == 14.0
    assert [p.asnumpy().tolist() for p in statistics] == [[6.0, 8.0], [10.0]]


def eager_logits(network: Classifier, batch: np.ndarray) -> np.ndarray:
    """Logits without a compiled graph, which the written file may share faults with."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    logits = network(Tensor(batch)).asnumpy()
    ms.set_context(mode=ms.GRAPH_MODE)
    return logits


def moved(parameter: Tensor, before: np.ndarray) -> bool:
    return bool(np.any(parameter.asnumpy() != before))


@pytest.mark.parametrize(
    ("name", "modes", "head", "tokens"),
    [
        ("convnext_test", ["psrp"], "moment", "unnormed"),
        ("as_mlp_test", ["psrp"], "moment", "normed"),
        ("resnet_test", ["linear"], "linear", "normed"),
    ],
)
@pytest.mark.parametrize(
    ("write", "run", "file"),
    [(write_mindir, run_mindir, "m.mindir"), (write_onnx, run_onnx, "m.onnx")],
    ids=["MINDIR", "ONNX"],
)
def test_exported_files_give_the_same_logits_for_any_batch(
    name, modes, head, tokens, write, run, file, tmp_path
):
    network = classifier(name, modes, head, tokens=tokens)
    write(network, tmp_path / file, None)
    for batch in (1, 3):
        expected = eager_logits(network, images(batch, 64))
        assert np.ptp(expected) > 1e-3
        found = run(tmp_path / file, images(batch, 64))
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["convnext_test", "as_mlp_test"])
def test_drop_path_acts_in_training_only(name, eager):
    dropping = create_backbone(name, drop_path=0.9)
    plain = create_backbone(name)
    for parameter, other in zip(learnable_weights_of(dropping), learnable_weights_of(plain)):
        value = Tensor(0.5 + 0.1 * np.random.default_rng(parameter.size).random(parameter.shape))
        parameter.set_data(value.astype(ms.float32))
        other.set_data(value.astype(ms.float32))
    batch = Tensor(images(8))
    expected = plain.set_train(False)(batch)[0].asnumpy()
    np.testing.assert_array_equal(dropping.set_train(False)(batch)[0].asnumpy(), expected)
    assert not np.allclose(dropping.set_train(True)(batch)[0].asnumpy(), expected)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("convnext_test", {"image_size": 31}, "image_size: got 31, expected at least 32"),
        ("as_mlp_test", {"image_size": 48}, "image_size: got 48, expected a multiple of 32"),
        ("resnet_test", {"drop_path": 0.1}, "drop_path: got 0.1, expected 0 for a ResNet"),
    ],
)
def test_impossible_options_are_refused(name, options, message):
    with pytest.raises(ConfigError, match=message):
        create_backbone(name, **options)


@pytest.mark.parametrize(
    ("modes", "message"),
    [(["psrp"], "ResNet has blocks without a recalibration"), (["norm"], "no final norm")],
)
def test_tunings_without_a_place_in_a_resnet_are_refused(modes, message):
    with pytest.raises(ConfigError, match=message):
        classifier("resnet_test", modes)


def test_a_patch_token_is_kept_and_a_class_token_dropped_unless_told_otherwise():
    assert classifier("convnext_test", ["linear"], "moment").head.first == 0
    run = RunConfig()
    run.backbone.name, run.head.name = "vit_test", "moment"
    run.head.moment.width, run.head.moment.num_heads = 32, 2
    assert build_classifier(run, CLASSES).head.first == 1
    run.head.moment.first_token = "keep"
    assert build_classifier(run, CLASSES).head.first == 0
