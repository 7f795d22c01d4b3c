"""Zero-shot weights against a text tower written down once more, in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor

from mindtune.backbones import CLIP, create_clip
from mindtune.heads.logit_fusion import LogitFusion
from mindtune.networks.text_classifier import (
    TextClassifier,
    encode_texts,
    prompt_ids,
    text_weights_of,
)
from mindtune.preprocessing import Preprocessing
from mindtune.text.clip_tokenizer import ClipTokenizer
from mindtune.text.vocabulary import read_vocabulary
from mindtune.weights.load import load_weights
from mindtune.weights.readers import read_tensors
from tiny_clip import CLIP_FILES, OPENAI_VIT, write_tokenizer

EXPECTED = np.load(CLIP_FILES / "expected.npz")
NAMES = ("cat", "hot_dog", "ox", "gnu", "Yak")
TEMPLATES = ("a photo of {}.", "{}.", "the {}")


@pytest.fixture(scope="module")
def clip() -> CLIP:
    network = create_clip("vit_clip_test")
    load_weights(network, OPENAI_VIT)
    return network


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory) -> ClipTokenizer:
    path = write_tokenizer(tmp_path_factory.mktemp("tokenizer"))
    return ClipTokenizer(read_vocabulary(path), context_length=16)


def norm(x: np.ndarray, w: dict[str, np.ndarray], name: str) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    unit = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return unit * w[f"{name}.weight"] + w[f"{name}.bias"]


def dense(x: np.ndarray, w: dict[str, np.ndarray], name: str) -> np.ndarray:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def text_feature(w: dict[str, np.ndarray], ids: list[int]) -> np.ndarray:
    """The unit feature of one text without padding: one block, one head of 64 channels."""
    x = w["token_embedding.weight"][ids] + w["positional_embedding"][: len(ids)]
    block = "transformer.resblocks.0"
    packed = norm(x, w, f"{block}.ln_1") @ w[f"{block}.attn.in_proj_weight"].T
    q, k, v = np.split(packed + w[f"{block}.attn.in_proj_bias"], 3, axis=-1)
    scores = np.where(np.tri(len(ids), dtype=bool), q @ k.T / 8, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    x = x + dense(weights @ v, w, f"{block}.attn.out_proj")
    hidden = dense(norm(x, w, f"{block}.ln_2"), w, f"{block}.mlp.c_fc")
    x = x + dense(hidden / (1 + np.exp(-1.702 * hidden)), w, f"{block}.mlp.c_proj")
    feature = norm(x[-1], w, "ln_final") @ w["text_projection"]
    return feature / np.sqrt((feature**2).sum())


def test_weights_are_those_of_the_paper(clip, tokenizer):
    stored = read_tensors(OPENAI_VIT).tensors
    w = {name: array.astype(np.float64) for name, array in stored.items()}
    vocabulary = tokenizer.vocabulary.ids
    columns = []
    for name in NAMES:
        features = []
        for template in TEMPLATES:
            text = template.replace("{}", name.replace("_", " ")).lower()
            words = text.replace(".", " .").split()
            pieces = ["<|startoftext|>"]
            for word in words:
                whole = f"{word}</w>" in vocabulary  # "photo", "of", "a" and the full stop
                pieces += [f"{word}</w>"] if whole else [*word[:-1], f"{word[-1]}</w>"]
            ids = [vocabulary[piece] for piece in [*pieces, "<|endoftext|>"]]
            features.append(text_feature(w, ids))
        mean = np.mean(features, axis=0)
        columns.append(mean / np.sqrt((mean**2).sum()))
    found = text_weights_of(clip, prompt_ids(tokenizer, NAMES, TEMPLATES))
    assert found.shape == (24, 5)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.stack(columns, axis=1), rtol=0, atol=2e-6)


@pytest.mark.parametrize("batch_size", [2, 5, 128])
def test_batches_and_padding_change_nothing(clip, tokenizer, batch_size):
    ids = tokenizer(["a", "a photo of a gnu.", "the ox", "cat", "dog"])
    expected = clip.encode_text(Tensor(ids)).asnumpy()
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found = encode_texts(clip, ids, batch_size)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_logits_are_100_times_the_cosines(clip, tokenizer):
    weights = text_weights_of(clip, prompt_ids(tokenizer, NAMES, TEMPLATES))
    network = TextClassifier(clip, len(NAMES), Preprocessing(32))
    network.set_texts(weights)
    logits = network(Tensor(EXPECTED["d_openai_vit/image"])).asnumpy()
    features = EXPECTED["d_openai_vit/image_features"].astype(np.float64)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    np.testing.assert_allclose(logits, 100 * features @ weights, rtol=0, atol=1e-3)
    fused = LogitFusion(weights, (3,), 0.5, "none", 0.4)  # AMU's own zero-shot part
    raw = Tensor(EXPECTED["d_openai_vit/image_features"])
    np.testing.assert_allclose(fused.zero_shot(raw).asnumpy(), logits, rtol=0, atol=1e-3)
