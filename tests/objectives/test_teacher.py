"""A teacher sees its own kind of images, and never trains."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor, nn
from PIL import Image

from golden import golden_input
from mindtune.backbones import create_backbone
from mindtune.layers.drop_path import DropPath
from mindtune.layers.renormalise import Renormalise
from mindtune.layers.resize import Resize
from mindtune.objectives.teacher import Teacher
from mindtune.preprocessing import (
    CLIP_MEAN,
    CLIP_STD,
    IMAGENET_MEAN,
    IMAGENET_STD,
    Preprocessing,
)
from mindtune.tuning.apply import apply_tunings
from mindtune.tuning.block_expansion import expand_blocks
from timm_weights import fill_as_timm

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "golden" / "feature_distillation_loss.npz")
IMAGENET, CLIP = (IMAGENET_MEAN, IMAGENET_STD), (CLIP_MEAN, CLIP_STD)


def test_images_are_normalised_again_for_clip():
    found = Renormalise(IMAGENET, CLIP)(Tensor(GOLDEN["clip_renorm/in"])).asnumpy()
    np.testing.assert_allclose(found, GOLDEN["clip_renorm/out"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("wanted", [20, 48])
def test_resize_is_pil_s(wanted):
    images = np.random.default_rng(0).standard_normal((2, 3, 32, 32)).astype(np.float32)
    expected = np.array(
        [
            [Image.fromarray(channel).resize((wanted, wanted), Image.BICUBIC) for channel in image]
            for image in images
        ]
    )
    found = Resize(32, wanted)(Tensor(images)).asnumpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.fixture
def backbone() -> nn.Cell:
    backbone = create_backbone("vit_test", drop_path=0.9, preprocessing={"mean": CLIP_MEAN})
    fill_as_timm(backbone)
    return backbone


def test_tokens_are_those_of_the_backbone_on_its_own_images(backbone):
    raw = np.random.default_rng(0).random((2, 3, 32, 32), np.float32)
    shown = {
        p: (raw - np.reshape(p.mean, (1, 3, 1, 1))) / np.reshape(p.std, (1, 3, 1, 1))
        for p in (Preprocessing(32), backbone.preprocessing)
    }
    own = Tensor(shown[backbone.preprocessing].astype(np.float32))
    expected = backbone.set_train(False)(own)[0].asnumpy()
    given = Tensor(shown[Preprocessing(32)].astype(np.float32))
    for first in (0, 1):
        found = Teacher(backbone, Preprocessing(32), first)(given).asnumpy()
        np.testing.assert_allclose(found, expected[:, first:], rtol=1e-4, atol=1e-5)


def test_images_of_another_size_are_resized(backbone):
    teacher = Teacher(backbone, Preprocessing(48))
    assert teacher(golden_input("image", (2, 3, 48, 48))).shape == (2, 17, 24)


def test_training_mode_is_refused_from_within_and_without(backbone):
    teacher = Teacher(backbone, backbone.preprocessing)
    around = nn.CellList([teacher, nn.Identity()])
    for ask in (teacher, around):
        ask.set_train(True)
        cells = [cell for _, cell in teacher.cells_and_names()]
        assert any(isinstance(cell, DropPath) for cell in cells)
        assert not any(cell.training for cell in cells)
    assert around[1].training


def test_batch_norms_keep_their_statistics():
    backbone = create_backbone("resnet_test")
    teacher = Teacher(backbone, backbone.preprocessing)
    teacher.set_train(True)
    side = backbone.preprocessing.input_size
    teacher(golden_input("image", (2, 3, side, side)))
    assert not backbone.bn1.running_mean.asnumpy().any()


def test_names_are_the_teacher_s_own(backbone):
    Teacher(backbone, backbone.preprocessing)
    assert all(p.name.startswith("teacher.") for p in backbone.get_parameters())


def test_what_was_learnt_by_inserted_blocks_stays():
    backbone = create_backbone("vit_test")
    apply_tunings(backbone, [partial(expand_blocks, num_blocks=1)])
    new = backbone.blocks[backbone.new_blocks[0]].attn.proj.weight
    new.set_data(Tensor(np.ones(new.shape, np.float32)))
    Teacher(backbone, backbone.preprocessing)
    assert new.asnumpy().all()
