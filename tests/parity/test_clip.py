"""CLIP-B/32 of transformers, both towers and both ways."""

from __future__ import annotations

import numpy as np
import torch
from mindspore import Tensor
from transformers import CLIPConfig, CLIPModel

from mindtune.backbones import create_clip
from mindtune.weights.load import load_weights
from parity.both_ways import assert_back_in_transformers, assert_near, images


def inputs() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    ids = np.zeros((3, 77), np.int32)
    for row, length in enumerate((4, 20, 77)):
        ids[row, :length] = [49406, *rng.integers(0, 49000, length - 2), 49407]
    return images(), ids


def features_of(
    model: CLIPModel, pixels: np.ndarray, ids: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor]:
    """Projected features of both towers, not normalised."""
    with torch.no_grad():
        vision = model.vision_model(pixel_values=torch.from_numpy(pixels)).pooler_output
        # Every row is read up to its own end of text, wherever padding differs between versions.
        hidden = model.text_model(input_ids=torch.from_numpy(ids.astype(np.int64)))[0]
        text = hidden[torch.arange(len(ids)), torch.from_numpy(ids.argmax(-1))]
        return model.visual_projection(vision), model.text_projection(text)


def test_features_equal_and_the_way_back(tmp_path):
    model = CLIPModel(CLIPConfig()).eval()  # OpenAI's ViT-B/32 by default
    folder = tmp_path / "theirs"
    model.save_pretrained(folder, max_shard_size="200MB")  # in parts with an index
    assert len(list(folder.glob("*.safetensors"))) > 1
    network = create_clip("ViT-B/32")
    report = load_weights(network, folder)
    assert not report.new
    assert not report.dropped
    pixels, ids = inputs()
    found = network(Tensor(pixels), Tensor(ids))
    for ours, expected in zip(found, features_of(model, pixels, ids)):
        assert_near(ours, expected)
    assert_back_in_transformers(network, model, tmp_path)
