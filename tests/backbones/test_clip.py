"""CLIP on files that OpenAI's code and transformers wrote: features equal theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from mindtune.backbones import (
    CLIP,
    CLIPTextArchitecture,
    CLIPTextTransformer,
    create_backbone,
    create_clip,
    list_backbones,
)
from mindtune.backbones.clip_resnet import CLIPResNetArchitecture, ModifiedResNet
from mindtune.backbones.clip_variants import CLIP_VARIANTS
from mindtune.backbones.clip_vit import CLIPVisionArchitecture, CLIPVisionTransformer
from mindtune.errors import ConfigError
from mindtune.parameters import learnable_weights_of, named_weights, weights_of
from mindtune.preprocessing import CLIP_MEAN, Preprocessing
from mindtune.tuning.apply import apply_tunings, train_everything
from mindtune.tuning.psrp import add_psrp
from mindtune.weights.load import load_weights

DATA = Path(__file__).parents[1] / "data"
FILES = DATA / "weights" / "d_clip"
EXPECTED = np.load(FILES / "expected.npz")
DISTILLATION = np.load(DATA / "golden" / "feature_distillation_clip.npz")

VIT = CLIPVisionArchitecture(8, 64, 2, 1)
RESNET = CLIPResNetArchitecture((1, 1, 1, 1), 4, 20)
HF_VIT = CLIPVisionArchitecture(8, 36, 1, 3, hidden_dim=72)
VIT_TEXT = CLIPTextArchitecture(64, 1, 24, depth=1, context_length=16, vocab_size=80)
RESNET_TEXT = CLIPTextArchitecture(64, 1, 20, depth=1, context_length=14, vocab_size=60)
HF_TEXT = CLIPTextArchitecture(32, 4, 20, depth=2, context_length=14, vocab_size=80, hidden_dim=64)
NETWORKS = {
    "d_openai_vit": (VIT, VIT_TEXT, 32),
    "d_openai_rn": (RESNET, RESNET_TEXT, 64),
    "d_hf_clip": (HF_VIT, HF_TEXT, 32),
}


def assert_equal(found: Tensor, expected: np.ndarray) -> None:
    tolerance = 2e-5 * max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found.asnumpy(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("case", "file"),
    [
        ("d_openai_vit", "openai_vit.pt"),
        ("d_openai_vit", "openai_vit.safetensors"),
        ("d_openai_vit", "openai_vit_jit.pt"),
        ("d_openai_rn", "openai_rn.pt"),
        ("d_openai_rn", "openai_rn_jit.pt"),
        ("d_hf_clip", "hf_clip"),
    ],
)
def test_both_towers_equal_those_of_the_tool_that_wrote_the_file(case, file):
    network = CLIP(*NETWORKS[case])
    report = load_weights(network, FILES / file)
    assert not report.new
    images, texts = network(Tensor(EXPECTED[f"{case}/image"]), Tensor(EXPECTED[f"{case}/tokens"]))
    assert_equal(images, EXPECTED[f"{case}/image_features"])
    assert_equal(texts, EXPECTED[f"{case}/text_features"])
    assert_equal(network.similarities(images, texts), EXPECTED[f"{case}/logits_per_image"])


def image_tower(case: str) -> nn.Cell:
    arch, _, size = NETWORKS[case]
    backbone = ModifiedResNet if arch is RESNET else CLIPVisionTransformer
    return backbone(arch, Preprocessing(size))


@pytest.mark.parametrize(
    ("case", "file"), [("d_openai_vit", "openai_vit_jit.pt"), ("d_openai_rn", "openai_rn.pt")]
)
def test_image_tower_alone_leaves_the_texts_out(case, file):
    backbone, whole = image_tower(case), CLIP(*NETWORKS[case])
    report = load_weights(backbone, FILES / file)
    load_weights(whole, FILES / file)
    assert {"text_projection", "logit_scale", "ln_final.weight"} <= set(report.dropped)
    assert set(report.loaded) == set(named_weights(backbone))
    images = Tensor(EXPECTED[f"{case}/image"])
    tokens, pooled = backbone(images)
    assert tokens.shape == (2, 1 + np.prod(backbone.grid_size), backbone.num_features)
    if case == "d_openai_rn":
        assert_equal(pooled, EXPECTED[f"{case}/image_features"])
    else:
        assert_equal(ops.matmul(pooled, whole.visual.proj), EXPECTED[f"{case}/image_features"])


def test_text_tower_alone_leaves_the_images_out():
    network = CLIPTextTransformer(VIT_TEXT)
    report = load_weights(network, FILES / "openai_vit.pt")
    assert "visual.conv1.weight" in report.dropped
    ids = EXPECTED["d_openai_vit/tokens"]
    assert_equal(network(Tensor(ids)), EXPECTED["d_openai_vit/text_features"])
    longest = int((ids.argmax(-1) + 1).max())  # what follows the end of text has no influence
    shorter = network(Tensor(np.ascontiguousarray(ids[:, :longest])))
    assert_equal(shorter, EXPECTED["d_openai_vit/text_features"])


def test_too_many_tokens_are_refused():
    with pytest.raises(ValueError, match="more tokens than the context length"):
        CLIPTextTransformer(VIT_TEXT)(Tensor(np.ones((1, 17), np.int32)))


def test_tokens_equal_the_teacher_of_feature_distillation():
    """What that code distils: all tokens after ln_post."""
    backbone = CLIPVisionTransformer(VIT, Preprocessing(32))
    prefix = "teacher_clip_visual/"
    for name, parameter in named_weights(backbone).items():
        key = f"{prefix}param/{name[len('visual.') :]}"
        parameter.set_data(Tensor(DISTILLATION[key]))
    tokens, pooled = backbone(Tensor(DISTILLATION[f"{prefix}in"]))
    assert_equal(tokens, DISTILLATION[f"{prefix}out"])
    assert_equal(pooled, DISTILLATION[f"{prefix}out"][:, 0])


def test_a_larger_grid_takes_the_resized_positions():
    for case, size in (("d_openai_vit", 48), ("d_openai_rn", 96)):
        arch = NETWORKS[case][0]
        backbone = type(image_tower(case))(arch, Preprocessing(size))
        file = FILES / f"{case[2:]}.pt"
        report = load_weights(backbone, file, grid=backbone.grid_size)
        assert len(report.resized) == 1
        assert report.resized[0].endswith(" -> {} x {}".format(*backbone.grid_size))


def random_weights(backbone: nn.Cell) -> nn.Cell:
    rng = np.random.default_rng(5)
    for weight in weights_of(backbone):
        value = 0.1 * rng.standard_normal(weight.shape)
        is_scale = weight.name.endswith(("weight", "running_var")) and weight.ndim == 1
        weight.set_data(Tensor((np.abs(value) + 1 if is_scale else value).astype(np.float32)))
    return backbone


def images_for(backbone: nn.Cell) -> Tensor:
    size = backbone.preprocessing.input_size
    return Tensor(np.random.default_rng(6).standard_normal((2, 3, size, size)).astype(np.float32))


def test_features_come_after_the_final_norm_and_intermediates_before():
    backbone = random_weights(create_backbone("vit_clip_test"))
    images = images_for(backbone)
    tokens, pooled = backbone(images)
    first, last = backbone.forward_intermediates(images, (0, 1))
    np.testing.assert_array_equal(pooled.asnumpy(), tokens.asnumpy()[:, 0])
    np.testing.assert_array_equal(last.asnumpy(), backbone.forward_tokens(images).asnumpy())
    np.testing.assert_allclose(backbone.features(last)[0].asnumpy(), tokens.asnumpy(), atol=1e-6)
    assert not np.array_equal(first.asnumpy(), last.asnumpy())
    attention = backbone.forward_attention(images).asnumpy()
    np.testing.assert_allclose(attention.sum(-1), np.ones((2, 1, 17)), rtol=1e-6)
    with pytest.raises(ValueError, match="beyond the last block"):
        backbone.forward_intermediates(images, (2,))


def test_pooled_feature_of_the_resnet_needs_one_query_only():
    tower = random_weights(create_backbone("resnet_clip_test")).visual
    images = Tensor(np.random.default_rng(6).standard_normal((2, 3, 64, 64)).astype(np.float32))
    assert_equal(tower.encode(images), tower(images)[1].asnumpy())


@pytest.mark.parametrize("name", ["vit_clip_test", "resnet_clip_test"])
def test_layer_groups_hold_every_weight_that_can_train_once(name):
    backbone = create_backbone(name)
    grouped = [p for group in backbone.layer_groups().values() for p in group]
    assert len(grouped) == len({id(p) for p in grouped}) == len(learnable_weights_of(backbone))


@pytest.mark.parametrize("name", ["vit_clip_test", "resnet_clip_test"])
def test_full_tuning_trains_all_but_the_statistics(name):
    backbone = random_weights(create_backbone(name))
    trained = apply_tunings(backbone, [train_everything])
    names = {n for n, p in named_weights(backbone).items() if p.requires_grad}
    assert names == {n for n in named_weights(backbone) if "running_" not in n}
    backbone.set_train(True)

    def loss(images: Tensor) -> Tensor:
        tokens, pooled = backbone(images)
        return (tokens**2).mean() + (pooled**3).mean()

    gradients = ops.value_and_grad(loss, None, trained)(images_for(backbone))[1]
    # A bias of the keys moves all scores of a query alike: softmax takes no notice.
    still = [p.name for p, g in zip(trained, gradients) if not np.abs(g.asnumpy()).max() > 0]
    assert all("k_proj.bias" in name for name in still)


def test_statistics_are_those_of_the_file_in_training_too():
    backbone = random_weights(create_backbone("resnet_clip_test"))
    images = images_for(backbone)
    backbone.set_train(False)
    expected = backbone(images)[1].asnumpy()
    backbone.set_train(True)
    np.testing.assert_array_equal(backbone(images)[1].asnumpy(), expected)


def test_recalibration_stands_around_the_perceptron():
    """Moment Probing's place in a CLIP block: u + (1 + w) mlp(ln_2(u)) + b."""
    backbone = random_weights(create_backbone("vit_clip_test"))
    add_psrp(backbone, width=4, init="authors")
    block = random_weights(backbone.blocks[0])
    x = Tensor(np.random.default_rng(8).standard_normal((2, 5, 64)).astype(np.float32))
    u = x + block.attn(block.ln_1(x))
    reduced = np.maximum(u.asnumpy() @ block.psrp.down.weight.asnumpy().T, 0)
    w = reduced @ block.psrp.up_weight.weight.asnumpy().T
    b = reduced @ block.psrp.up_bias.weight.asnumpy().T
    expected = u.asnumpy() + (1 + w) * block.mlp(block.ln_2(u)).asnumpy() + b
    np.testing.assert_allclose(block(x).asnumpy(), expected, rtol=1e-5, atol=1e-5)


def test_resnet_has_no_place_for_recalibration():
    with pytest.raises(ConfigError, match="ModifiedResNet has blocks without a recalibration"):
        add_psrp(create_backbone("resnet_clip_test"))


@pytest.mark.parametrize(
    ("name", "total", "visual"),
    [
        ("resnet50_clip", 102_007_137, 38_316_896),
        ("resnet101_clip", 119_688_033, 56_259_936),
        ("resnet50x4_clip", 178_300_601, 87_137_080),
        ("resnet50x16_clip", 290_979_217, 167_328_912),
        ("vit_base_patch32_clip_224", 151_277_313, 87_849_216),
        ("vit_base_patch16_clip_224", 149_620_737, 86_192_640),
        ("vit_large_patch14_clip_224", None, 303_966_208),
    ],
)
def test_parameter_counts_are_the_published_ones(name, total, visual):
    with nn.utils.no_init_parameters():
        network = create_clip(name)
    counts = {n: p.size for n, p in named_weights(network).items() if "running_" not in n}
    assert sum(size for n, size in counts.items() if n.startswith("visual.")) == visual
    assert total is None or sum(counts.values()) == total


def test_names_of_the_published_networks():
    assert set(CLIP_VARIANTS) <= set(list_backbones("*clip*"))
    with nn.utils.no_init_parameters():
        backbone = create_backbone("resnet50x4_clip")
    assert backbone.preprocessing.input_size == 288
    assert backbone.preprocessing.mean == CLIP_MEAN
    assert backbone.preprocessing.crop_pct == 1.0
    with pytest.raises(ConfigError, match="did you mean 'ViT-B/32'"):
        create_clip("ViT-B32")


def test_impossible_sizes_are_refused():
    with pytest.raises(ConfigError, match="expected a multiple of the patch size 8; use 24"):
        create_backbone("vit_clip_test", image_size=30)
    with pytest.raises(ConfigError, match="expected a multiple of 32; use 64"):
        create_backbone("resnet_clip_test", image_size=70)
    with pytest.raises(ConfigError, match="CLIP's ResNets have none"):
        create_backbone("resnet_clip_test", drop_path=0.1)
    with pytest.raises(ConfigError, match="expected a divisor of the width 64"):
        CLIPVisionTransformer(CLIPVisionArchitecture(8, 64, 1, 5), Preprocessing(32))
