"""CLIP-B/32 of transformers, both towers and both ways."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mindspore import Tensor
from transformers import CLIPConfig, CLIPModel

from mindtune.backbones import create_clip
from mindtune.converting import convert
from mindtune.parameters import named_weights
from mindtune.weights.load import load_weights
from mindtune.weights.save import save_safetensors


@pytest.fixture(scope="module")
def theirs(tmp_path_factory) -> tuple[CLIPModel, Path]:
    """OpenAI's ViT-B/32 as transformers builds it by default, random, and its folder."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("clip")
    model = CLIPModel(CLIPConfig()).eval()
    model.save_pretrained(folder, max_shard_size="200MB")  # in parts with an index
    return model, folder


def inputs() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    images = rng.standard_normal((2, 3, 224, 224)).astype(np.float32)
    ids = np.zeros((3, 77), np.int32)
    for row, length in enumerate((4, 20, 77)):
        ids[row, :length] = [49406, *rng.integers(0, 49000, length - 2), 49407]
    return images, ids


def features_of(model: CLIPModel, images: np.ndarray, ids: np.ndarray) -> list[np.ndarray]:
    """Projected features of both towers, not normalised."""
    with torch.no_grad():
        vision = model.vision_model(pixel_values=torch.from_numpy(images)).pooler_output
        # Every row is read up to its own end of text, wherever padding differs between versions.
        hidden = model.text_model(input_ids=torch.from_numpy(ids.astype(np.int64)))[0]
        text = hidden[torch.arange(len(ids)), torch.from_numpy(ids.argmax(-1))]
        outputs = model.visual_projection(vision), model.text_projection(text)
    return [output.numpy() for output in outputs]


def test_features_equal(theirs):
    model, folder = theirs
    assert len(list(folder.glob("*.safetensors"))) > 1
    network = create_clip("ViT-B/32")
    report = load_weights(network, folder)
    assert not report.new
    assert not report.dropped
    images, ids = inputs()
    found = network(Tensor(images), Tensor(ids))
    for ours, expected in zip(found, features_of(model, images, ids)):
        scale = max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(ours.asnumpy(), expected, rtol=0, atol=1e-4 * scale)


def test_way_back_is_strict_and_equal(theirs, tmp_path):
    model, folder = theirs
    network = create_clip("ViT-B/32")
    load_weights(network, folder)
    ours = {name: p.asnumpy() for name, p in named_weights(network).items()}
    save_safetensors(tmp_path / "ours.safetensors", ours, {})
    target = tmp_path / "model.safetensors"
    convert(str(tmp_path / "ours.safetensors"), target, "safetensors-hf")
    model.config.save_pretrained(tmp_path)
    back, report = CLIPModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(back.state_dict()[name].numpy(), tensor.numpy(), name)
