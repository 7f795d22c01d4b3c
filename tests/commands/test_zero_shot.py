"""Zero-shot classification through ``eval.py``, from a weight file of both towers to the table."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor

from mindtune.backbones import CLIP, create_clip
from mindtune.converting import convert
from mindtune.data.datasets import create_dataset
from mindtune.data.normalise import normalise
from mindtune.data.transforms import EvalTransform
from mindtune.networks.text_classifier import TextClassifier, prompt_ids, text_weights_of
from mindtune.preprocessing import CLIP_MEAN, CLIP_STD, Preprocessing
from mindtune.text.clip_tokenizer import ClipTokenizer
from mindtune.text.vocabulary import read_vocabulary
from mindtune.weights.load import load_weights
from tiny_clip import CLIP_FILES, OPENAI_VIT, write_tokenizer

CLASSES = ("cat", "hot_dog", "ox")
BACKBONE = ("--backbone.name", "vit_clip_test")


@pytest.fixture
def model(tmp_path) -> Path:
    """A folder with weights and tokeniser."""
    write_tokenizer(tmp_path / "model")
    return Path(shutil.copy(OPENAI_VIT, tmp_path / "model"))


@pytest.fixture
def photos(tmp_path, write_photographs) -> tuple:
    root = write_photographs(tmp_path / "photos", {"test": 3}, CLASSES)
    return ("--data.name", "folder", "--data.root", root, "--data.workers", 1)


def logits_by_hand(root: Path) -> tuple[np.ndarray, np.ndarray]:
    clip = create_clip("vit_clip_test")
    load_weights(clip, OPENAI_VIT)
    source = create_dataset("folder", root, "test")
    tokenizer = ClipTokenizer(read_vocabulary(root.parent / "model"), 16)
    settings = Preprocessing(32, CLIP_MEAN, CLIP_STD, crop_pct=1.0)
    view = EvalTransform(settings)
    images = np.stack([view(source.load(index)) for index in range(len(source))])
    network = TextClassifier(clip, len(CLASSES), settings)
    network.set_texts(text_weights_of(clip, prompt_ids(tokenizer, CLASSES, ["a {}."])))
    return network(Tensor(normalise(images, CLIP_MEAN, CLIP_STD))).asnumpy(), source.labels


def test_from_weights_and_images_to_the_table(command, model, photos, tmp_path):
    argv = ("--protocol", "zero_shot", "--pretrained", model, *BACKBONE, *photos)
    found = command("evaluate", *argv, "--text.templates", '["a {}."]', "--out", tmp_path / "out")
    assert (found.code, found.err) == (0, "")
    result = json.loads((tmp_path / "out" / "eval_zero_shot_test.json").read_text())
    logits, labels = logits_by_hand(tmp_path / "photos")
    assert result["metrics"]["top1"] == pytest.approx(100 * np.mean(logits.argmax(1) == labels))
    losses = np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1)) + logits.max(1)
    expected = np.mean(losses - logits[np.arange(9), labels])
    assert result["metrics"]["loss"] == pytest.approx(expected, rel=1e-4)
    assert (result["metrics"]["images"], result["templates"]) == (9, ["a {}."])
    assert result["backbone"] == "vit_clip_test"
    with (tmp_path / "out" / "eval_zero_shot_test_per_class.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == list(CLASSES)
    assert sum(int(row["correct"]) for row in rows) == np.sum(logits.argmax(1) == labels)


def test_texts_are_encoded_once(command, model, photos, tmp_path, monkeypatch):
    argv = ("--protocol", "zero_shot", "--pretrained", model, *BACKBONE, *photos)
    argv += ("--text.cache", tmp_path / "texts", "--text.templates")
    encoded = []

    def counting(encoder: CLIP, ids: np.ndarray) -> np.ndarray:
        encoded.append(ids.shape)
        return text_weights_of(encoder, ids)

    monkeypatch.setattr("mindtune.frozen.texts.text_weights_of", counting)
    results = []
    for templates in ('["a {}."]', '["a {}."]', '["a {}.", "{}"]'):
        found = command("evaluate", *argv, templates, "--out", tmp_path / "out")
        assert (found.code, found.err) == (0, "")
        results.append(json.loads((tmp_path / "out" / "eval_zero_shot_test.json").read_text()))
    assert encoded == [(3, 1, 16), (3, 2, 16)]
    assert results[0]["metrics"] == results[1]["metrics"]
    assert results[0]["metrics"]["loss"] != results[2]["metrics"]["loss"]


def test_a_hugging_face_folder_brings_its_tokeniser(command, photos, tmp_path):
    folder = tmp_path / "hf"
    write_tokenizer(folder)
    convert(str(OPENAI_VIT), folder / "model.safetensors", "safetensors-hf")
    argv = ("--protocol", "zero_shot", "--pretrained", folder, *BACKBONE, *photos)
    found = command("evaluate", *argv, "--data.classes", "[ox, cat]", "--out", tmp_path / "out")
    assert (found.code, found.err) == (0, "")
    assert "Hugging Face CLIP names" in found.out
    result = json.loads((tmp_path / "out" / "eval_zero_shot_test.json").read_text())
    assert (result["metrics"]["images"], result["templates"]) == (6, ["a photo of a {}."])


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        (("--backbone.name", "vit_test"), 2, r"clip: got 'vit_test', expected a published CLIP"),
        (("--text.templates", '["cat"]'), 2, r"text\.templates: got 'cat', expected \{\} once"),
        (("--text.tokenizer", "here"), 1, r"text tokeniser here: there is no such file"),
        (("--pretrained", CLIP_FILES / "openai_vit.pt"), 1, r"folder without tokenizer\.json"),
        (("--text.templates", '["a very large photo of {}"]'), 1, r"text '.*': got 17 tokens"),
        (("--protocol", "classification"), 2, r"text: acts on protocol zero_shot and few_shot"),
        (("--backbone.image_size", 30), 2, r"expected a multiple of the patch size 8"),
    ],
)  # fmt: skip
def test_mistakes_are_named(command, model, photos, tmp_path, changes, code, message):
    argv = ("--protocol", "zero_shot", "--pretrained", model, *BACKBONE, *photos)
    argv += ("--text.templates", '["{}"]', *changes, "--out", tmp_path / "out")
    found = command("evaluate", *argv)
    assert found.code == code
    assert len(found.err.splitlines()) == 1
    assert re.search(message, found.err), found.err
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_a_file_of_the_image_tower_alone_is_refused(command, model, photos, tmp_path):
    convert(str(model), tmp_path / "timm.safetensors", "safetensors-timm")
    argv = ("--protocol", "zero_shot", "--pretrained", tmp_path / "timm.safetensors")
    found = command("evaluate", *argv, "--text.tokenizer", model.parent, *BACKBONE, *photos)
    assert found.code == 1
    assert "hold no text tower, expected both towers of a CLIP" in found.err


def test_another_vocabulary_is_refused(command, model, photos, tmp_path):
    openai = CLIP_FILES.parents[1] / "clip" / "bpe_simple_vocab_16e6.txt.gz"
    argv = ("--protocol", "zero_shot", "--pretrained", model, *BACKBONE, *photos)
    found = command("evaluate", *argv, "--text.tokenizer", openai, "--out", tmp_path / "out")
    assert found.code == 1
    assert "got 49,408 pieces, expected 80 as the text tower has" in found.err
