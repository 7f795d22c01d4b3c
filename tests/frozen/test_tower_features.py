from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from mindspore import Tensor

from clip_run import CLASSES, clip_config, write_images, write_model
from mindtune import assemble
from mindtune.backbones import create_backbone, create_clip
from mindtune.config import AugmentConfig, AuxiliaryConfig
from mindtune.data.normalise import normalise
from mindtune.data.transforms import EvalTransform
from mindtune.engine.distributed.world import World
from mindtune.errors import ConfigError
from mindtune.frozen.class_texts import class_texts
from mindtune.frozen.few_shot_sources import few_shot_sources
from mindtune.frozen.tower_features import TowerFeatures
from mindtune.frozen.towers import read_towers
from mindtune.preprocessing import CLIP_MEAN, CLIP_STD, IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from mindtune.weights.load import load_weights
from tiny_clip import OPENAI_VIT


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_model(folder / "model")
    write_images(folder / "images", {"train": 4, "val": 3, "test": 2})
    return folder


def silent(_: str) -> None:
    pass


def features_of(config) -> TowerFeatures:
    sources = few_shot_sources(config, assemble.build_splits(config, silent))
    return TowerFeatures(config, read_towers(config, World(), silent), sources, World())


def test_every_tower_sees_the_same_crop_by_its_own_statistics(folder):
    features = features_of(clip_config(folder))
    clip, auxiliary = features.whole("test")
    source = features.sources["test"]
    view = EvalTransform(Preprocessing(32, CLIP_MEAN, CLIP_STD, "bicubic", crop_pct=1.0))
    pixels = np.stack([view(source.load(i)) for i in range(len(source))])
    towers = create_clip("vit_clip_test")
    load_weights(towers, OPENAI_VIT)
    wanted = towers.encode_image(Tensor(normalise(pixels, CLIP_MEAN, CLIP_STD))).asnumpy()
    np.testing.assert_allclose(clip, wanted, rtol=1e-4, atol=1e-5)
    network = create_backbone("resnet_test", 32).set_train(False)
    load_weights(network, folder / "model" / "auxiliary.safetensors")
    _, wanted = network(Tensor(normalise(pixels, IMAGENET_MEAN, IMAGENET_STD)))
    np.testing.assert_allclose(auxiliary, wanted.asnumpy(), rtol=1e-4, atol=1e-5)


def test_views_are_kept_and_differ_by_epoch_and_augmentation(folder, tmp_path, monkeypatch):
    config = clip_config(folder, cache=str(tmp_path / "cache"))
    first = features_of(config).views(2)
    assert [[view.shape for view in tower] for tower in first] == [[(6, 24)] * 2, [(6, 96)] * 2]
    assert not np.allclose(first[0][0], first[0][1])
    monkeypatch.setattr(
        "mindtune.frozen.features.fill_features", lambda *_: pytest.fail("computed")
    )
    again = features_of(config)
    for tower, expected in zip(again.views(2), first):
        np.testing.assert_array_equal(tower, expected)
    np.testing.assert_allclose(again.mean_views(2)[1], np.mean(first[1], axis=0))
    other = replace(config, augment=AugmentConfig(hflip=0.0))
    with pytest.raises(pytest.fail.Exception, match="computed"):
        features_of(other).views(1)


def test_texts_of_the_classes(folder):
    config = clip_config(folder)
    towers = read_towers(config, World(), silent)
    texts = class_texts(config, towers.clip, towers.source, CLASSES, World())
    assert texts.shape == (24, 3)
    np.testing.assert_allclose(np.linalg.norm(texts, axis=0), 1, rtol=1e-5)


def test_weights_of_every_network_must_be_named(folder):
    config = clip_config(folder, auxiliary=[AuxiliaryConfig("resnet_test")])
    with pytest.raises(ConfigError, match="amu.auxiliary: got no pretrained"):
        read_towers(config, World(), silent)
    with pytest.raises(ConfigError, match="pretrained: got nothing"):
        read_towers(replace(config, pretrained=None), World(), silent)
