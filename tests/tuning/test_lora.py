"""LoRA: what it computes, what of it trains, and that it merges."""

from __future__ import annotations

import mindspore as ms
import numpy as np
import pytest
from mindspore import ParameterTuple, Tensor, ops

from golden import fill, golden_input
from mindtune.assemble import build_classifier
from mindtune.backbones import create_backbone
from mindtune.config import RunConfig
from mindtune.errors import ConfigError
from mindtune.layers.dropout import Dropout
from mindtune.networks.classifier import Classifier
from mindtune.objectives.supervised import SupervisedObjective
from mindtune.parameters import named_weights, weights_of
from mindtune.tuning.lora import add_lora
from mindtune.tuning.lora_merging import merge_lora, unmerge_lora
from mindtune.tuning.projections import projections
from mindtune.tuning.table import count_parameters

BACKBONES = {  # name: (targets, how many parts of linear maps they are)
    "vit_test": (["q", "v", "proj", "fc1"], 8),
    "vit_layer_scale_test": (["q", "v"], 4),
    "fd_vit_test": (["q", "v"], 4),
    "swin_test": (["q", "v", "fc2"], 12),
    "swinv2_test": (["k", "fc2"], 8),
    "convnext_test": (["fc1", "fc2"], 10),
    "vit_clip_test": (["q", "v", "proj", "fc2"], 8),
    "resnet_clip_test": (["q", "v"], 2),
}


@pytest.fixture
def _operator_by_operator():
    """Compiling a small network takes longer than running it a few times without."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


def classifier(name: str = "vit_test", modes: tuple[str, ...] = ("lora",), **lora) -> Classifier:
    run = RunConfig()
    run.backbone.name = name
    run.tuning.modes = list(modes)
    vars(run.tuning.lora).update({"rank": 3, **lora})
    return build_classifier(run, 4)


def image(network: Classifier) -> Tensor:
    size = network.backbone.preprocessing.input_size
    return golden_input("image", (2, 3, size, size))


@pytest.mark.parametrize(
    ("rank", "trainable"), [(4, 224_356), (8, 371_812), (16, 666_724)], ids=lambda n: str(n)
)
def test_counts_of_vit_b_with_100_classes(rank, trainable):
    run = RunConfig()
    run.tuning.modes, run.tuning.lora.rank = ["lora"], rank
    row = count_parameters(build_classifier(run, 100).parameter_groups())[-1]
    assert row.trainable == trainable
    assert row.total == 85_875_556 + trainable - 76_900


@pytest.mark.parametrize("name", BACKBONES)
def test_starts_from_the_pretrained_function(name):
    targets, parts = BACKBONES[name]
    plain, tuned = classifier(name, ("linear",)), classifier(name, targets=targets)
    fill(plain)
    values = {key: p.asnumpy() for key, p in named_weights(plain).items()}
    ours = named_weights(tuned)
    assert set(values) <= set(ours)
    added = sorted(set(ours) - set(values))
    assert len(added) == 2 * parts
    assert {key.rsplit(".", 1)[1] for key in added} == {"A", "B"}
    for key, value in values.items():
        ours[key].set_data(Tensor(value))
    np.testing.assert_array_equal(tuned(image(plain)).asnumpy(), plain(image(plain)).asnumpy())


def updated(
    values: dict[str, np.ndarray], layer: str, part: str, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias of a fused projection with one update, added row by row in plain NumPy."""
    weight, bias = values[f"{layer}.weight"].copy(), values[f"{layer}.bias"].copy()
    a, b = values[f"{layer}.lora.{part}.A"], values[f"{layer}.lora.{part}.B"]
    first = {"q": 0, "k": 24, "v": 48}[part]
    for row in range(24):
        weight[first + row] += scale * sum(b[row, i] * a[i] for i in range(len(a)))
        bias[first + row] += values.get(f"{layer}.lora.{part}.bias", np.zeros(24))[row]
    return weight, bias


@pytest.mark.usefixtures("_operator_by_operator")
@pytest.mark.parametrize(
    ("settings", "scale"),
    [({}, 1), ({"alpha": 6}, 2), ({"alpha": 6, "rslora": True}, 6 / 3**0.5)],
    ids=["alpha is rank", "alpha", "rslora"],
)
def test_one_update_is_the_paper_s_formula(settings, scale):
    """Section 4.1: W x + scale B A x, on the rows of the keys alone."""
    layer = "blocks.1.attn.qkv"
    tuned = classifier(targets=r"blocks\.1\.attn\.k", bias="lora_only", **settings)
    fill(tuned)
    values = {key: p.asnumpy() for key, p in named_weights(tuned.backbone).items()}
    assert [key for key in values if ".lora." in key] == [
        f"{layer}.lora.k.{name}" for name in ("A", "B", "bias")
    ]
    values[f"{layer}.weight"], values[f"{layer}.bias"] = updated(values, layer, "k", scale)
    plain = create_backbone("vit_test")
    for key, parameter in named_weights(plain).items():
        parameter.set_data(Tensor(values[key]))
    found, expected = tuned.backbone(image(tuned))[0], plain(image(tuned))[0]
    np.testing.assert_allclose(found.asnumpy(), expected.asnumpy(), rtol=0, atol=2e-6)


@pytest.mark.usefixtures("_operator_by_operator")
@pytest.mark.parametrize("bias", ["none", "lora_only"])
@pytest.mark.parametrize("name", BACKBONES)
def test_merged_is_equal_and_unmerged_is_as_before(name, bias):
    network = classifier(name, targets=BACKBONES[name][0], bias=bias, alpha=6)
    fill(network)
    before = {key: p.asnumpy().copy() for key, p in named_weights(network).items()}
    logits = network(image(network)).asnumpy()
    updates = merge_lora(network)
    changed = [k for k, p in named_weights(network).items() if (p.asnumpy() != before[k]).any()]
    zero = [key for key in before if ".lora." in key and not key.endswith(".A")]
    assert set(zero) < set(changed)
    assert all(not named_weights(network)[key].asnumpy().any() for key in zero)
    tolerance = 1e-6 * max(1, np.abs(logits).max())
    np.testing.assert_allclose(network(image(network)).asnumpy(), logits, rtol=0, atol=tolerance)
    unmerge_lora(network, updates)
    for key, parameter in named_weights(network).items():
        np.testing.assert_allclose(parameter.asnumpy(), before[key], rtol=0, atol=1e-6, err_msg=key)
    np.testing.assert_allclose(network(image(network)).asnumpy(), logits, rtol=0, atol=tolerance)


def trained_names(network: Classifier) -> set[str]:
    return {p.name for p in weights_of(network) if p.requires_grad and p.name[:5] != "head."}


def test_biases_that_train():
    qkv = [f"blocks.{i}.attn.qkv" for i in (0, 1)]
    low_rank = {f"{layer}.lora.{part}.{name}" for layer in qkv for part in "qv" for name in "AB"}
    assert trained_names(classifier()) == low_rank
    own = {f"{layer}.lora.{part}.bias" for layer in qkv for part in "qv"}
    assert trained_names(classifier(bias="lora_only")) == low_rank | own
    every = {key for key in named_weights(create_backbone("vit_test")) if key.endswith("bias")}
    assert len(every) == 14  # 6 a block, patches, final norm
    assert trained_names(classifier(bias="all")) == low_rank | every


def test_keys_of_beit_have_no_bias_to_train():
    found = trained_names(classifier("fd_vit_test", targets=["q", "k", "v"], bias="lora_only"))
    assert {name for name in found if name.endswith("bias")} == {
        f"blocks.{i}.attn.qkv.lora.{part}.bias" for i in (0, 1) for part in "qv"
    }


@pytest.mark.usefixtures("_operator_by_operator")
@pytest.mark.parametrize("name", ["vit_test", "swin_test", "vit_clip_test"])
def test_gradient_reaches_exactly_what_trains(name):
    network = classifier(name, ("psrp", "lora"), bias="lora_only", dropout=0.1).set_train(True)
    fill(network)
    trained = [p for p in weights_of(network) if p.requires_grad]
    kinds = {
        part for p in trained for part in p.name.split(".") if part in ("lora", "psrp", "head")
    }
    assert kinds == {"lora", "psrp", "head"}
    assert all({"lora", "psrp", "head"} & set(p.name.split(".")) for p in trained)
    differentiate = ops.value_and_grad(
        SupervisedObjective(network), None, ParameterTuple(trained), has_aux=True
    )
    targets = Tensor(np.eye(4, dtype=np.float32)[[0, 2]])
    _, gradients = differentiate(image(network), targets)
    assert [p.name for p, g in zip(trained, gradients) if not np.abs(g.asnumpy()).max() > 0] == []


@pytest.mark.usefixtures("_operator_by_operator")
def test_dropout_is_on_in_training_only_and_knows_the_windows_of_an_image():
    network = classifier("swin_test", targets=["q", "proj", "fc1"], dropout=0.5)
    fill(network)
    x = image(network)
    still = network.set_train(False)(x).asnumpy()
    assert np.abs(network.set_train(True)(x).asnumpy() - still).max() > 1e-4
    rows = {
        place.rsplit(".", 2)[0]: cell.rows_per_image
        for place, cell in network.backbone.cells_and_names()
        if isinstance(cell, Dropout)
    }
    block = network.backbone.layers[0].blocks[0]
    assert block.windows.count > 1
    assert rows["layers.0.blocks.0.attn.qkv"] == block.windows.count
    assert rows["layers.0.blocks.0.attn.proj"] == block.windows.count
    assert rows["layers.0.blocks.0.mlp.fc1"] == 1


def test_projections_have_the_same_names_everywhere():
    block = ["attn.q", "attn.k", "attn.v", "attn.proj", "mlp.fc1", "mlp.fc2"]
    for name, prefix in (("vit_test", "blocks"), ("vit_clip_test", "visual.transformer.resblocks")):
        paths = [projection.path for projection in projections(create_backbone(name))]
        assert sorted(paths) == sorted(f"{prefix}.{i}.{part}" for i in (0, 1) for part in block)
    paths = [projection.path for projection in projections(create_backbone("resnet_clip_test"))]
    assert sorted(paths) == [f"visual.attnpool.{part}" for part in ("k", "proj", "q", "v")]


def test_targets_are_whole_words_or_one_whole_expression():
    backbone = create_backbone("vit_test")
    add_lora(backbone, ["mlp.fc1"])
    assert {key.split(".lora")[0] for key in named_weights(backbone) if ".lora." in key} == {
        "blocks.0.mlp.fc1", "blocks.1.mlp.fc1",
    }  # fmt: skip
    with pytest.raises(ConfigError, match="got 'fc', which is no linear layer"):
        add_lora(create_backbone("vit_test"), ["fc"])
    with pytest.raises(ConfigError, match="got 'attn.q', which is no linear layer"):
        add_lora(create_backbone("vit_test"), "attn.q")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": ["q", "qq"]}, r"lora.targets: got 'qq'.*VisionTransformer, expected a list of "
         "fc1, fc2, k, proj, q, v"),
        ({"targets": []}, r"lora.targets: got '\[\]'"),
        ({"targets": "blocks.(0"}, "which is no regular expression"),
        ({"rank": 0}, "lora.rank: got 0, expected at least 1"),
        ({"alpha": 0.0}, "lora.alpha: got 0.0, expected more than 0"),
        ({"dropout": 1.0}, "lora.dropout: got 1.0, expected 0 <= value < 1"),
        ({"bias": "some"}, "lora.bias: got some, expected one of none, all, lora_only"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)  # fmt: skip
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        classifier(**options)


def test_a_backbone_without_dense_layers_is_refused():
    with pytest.raises(ConfigError, match="no linear layer of ResNet, expected a list of nothing"):
        classifier("resnet_test")
