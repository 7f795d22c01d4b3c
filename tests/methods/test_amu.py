"""Runs of method amu with a tiny CLIP and a tiny network beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from safetensors.numpy import load_file

from clip_run import CLASSES, clip_config, write_images, write_model
from mindtune.config import AugmentConfig, AuxiliaryConfig, OptimConfig, RunConfig
from mindtune.engine.distributed.world import World
from mindtune.errors import ConfigError, WeightsError
from mindtune.methods.amu import Amu
from mindtune.methods.method import RunContext
from mindtune.training import train

ADAPTERS = Path(__file__).parents[1] / "data" / "adapters"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_model(folder / "model")
    write_images(folder / "images", {"train": 4, "val": 3, "test": 2})
    return folder


def short(folder: Path, **amu) -> RunConfig:
    optim = OptimConfig(lr=1e-2, weight_decay=0.01, eps=1e-4)
    config = clip_config(folder, shots=4, **amu)
    return replace(config, epochs=2, batch_size=4, optim=optim)


def method_of(config: RunConfig) -> Amu:
    quiet = Console(quiet=True)
    return Amu(RunContext(config, Path("unused"), World(), quiet, None, None))


def weights_in(run: Path, name: str = "best") -> dict[str, np.ndarray]:
    return load_file(run / "checkpoints" / f"{name}.safetensors")


def test_cached_views_train_what_new_views_train(folder, tmp_path):
    results = []
    for name, views in (("cached", 2), ("online", 0)):
        results.append(
            train(short(folder, cache_views=views), tmp_path / name, Console(quiet=True))
        )
    cached, online = (weights_in(tmp_path / name) for name in ("cached", "online"))
    assert set(cached) == set(online) == {"text_weights", "branches.0.fc.weight"}
    for name, values in cached.items():
        np.testing.assert_allclose(online[name], values, rtol=1e-3, atol=1e-4)
    for split in ("metrics", "val"):
        assert results[0][split]["top1"] == results[1][split]["top1"]
        assert {"clip_top1", "auxiliary_top1"} <= results[0][split].keys()
    assert results[0]["metrics"]["images"] == 6
    assert results[0]["val"]["images"] == 12  # 4 a class, of 3: rule coop repeats


def test_only_the_adapter_trains_from_class_means(folder):
    method = method_of(short(folder, start_views=2, cache_views=1))
    trained = [p.name for p in method.network.get_parameters() if p.requires_grad]
    assert trained == ["branches.0.fc.weight"]
    features = np.mean(method.features.views(2)[1], axis=0)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    labels = method.sources["train"].labels
    wanted = np.stack([features[labels == label].mean(0) for label in range(len(CLASSES))])
    start = method.network.branches[0].fc.weight.asnumpy()
    np.testing.assert_allclose(start, wanted, rtol=1e-4, atol=1e-6)
    assert len(list(method.train_loader().epoch(0))) == 3


def test_several_networks_beside_clip(folder):
    auxiliary = [AuxiliaryConfig("resnet_test", "random"), AuxiliaryConfig("vit_test", "random")]
    method = method_of(short(folder, auxiliary=auxiliary, cache_views=1))
    assert [b.fc.weight.shape[0] for b in method.network.branches] == [3, 3]
    (_, *features) = next(method.train_loader().epoch(0))
    assert [column.shape[1] for column in features] == [24, 96, 24]


def test_a_trained_adapter_is_the_start(folder, tmp_path):
    with pytest.raises(WeightsError, match=r"got a weight \(3, 4\), expected \(3, 96\)"):
        method_of(short(folder, adapter=str(ADAPTERS / "weight.pt")))
    two = [AuxiliaryConfig("resnet_test", "random")] * 2
    with pytest.raises(ConfigError, match="amu.adapter: got .* for 2 auxiliary networks"):
        method_of(short(folder, adapter=str(ADAPTERS / "weight.pt"), auxiliary=two))


def test_a_search_is_what_later_commands_find(folder, tmp_path):
    result = train(short(folder, search=True), tmp_path / "run", Console(quiet=True))
    found = result["search"]
    stored = (tmp_path / "run" / "config.yaml").read_text()
    assert f"alpha: {found['alpha']}" in stored
    assert f"power: {found['power']}" in stored
    assert found["top1"] == pytest.approx(result["val"]["top1"])
    assert result["config"]["amu"]["alpha"] == 0.5
    assert json.loads((tmp_path / "run" / "result.json").read_text())["search"] == found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"augment": AugmentConfig(mixup=0.8)}, "augment.mixup: got 0.8 with method amu"),
        ({"recompute": True}, "recompute: got True with method amu"),
        ({"batch_size": 64}, "batch_size"),
    ],
)
def test_options_that_have_no_place(folder, tmp_path, change, message):
    with pytest.raises(ConfigError, match=message):
        train(replace(short(folder), **change), tmp_path / "run", Console(quiet=True))
