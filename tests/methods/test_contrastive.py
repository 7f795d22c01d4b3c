"""What method contrastive is made of: captions, vocabulary, and the options that it refuses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mindtune.config import RunConfig
from mindtune.config.checks import check_config
from mindtune.errors import ConfigError
from mindtune.methods.contrastive import CaptionedImages, check_options

IDS = np.arange(3 * 4 * 5, dtype=np.int32).reshape(3, 4, 5)  # 3 classes, 4 templates


@dataclass
class Loader:
    """One-hot targets of 8 images a batch, labels 0 1 2 0 ..."""

    seed: int = 3
    rank: int = 0
    batch_size: int = 8
    world_size: int = 2
    num_batches: int = 20

    def epoch(self, epoch, first_image=0):
        for number in range(first_image // 16, self.num_batches):
            labels = (np.arange(8) + number) % 3
            yield np.full((8, 3, 2, 2), number, np.float32), np.eye(3, dtype=np.float32)[labels]


def captions(first_image: int = 0, epoch: int = 0, **changes) -> list:
    return list(CaptionedImages(Loader(**changes), IDS).epoch(epoch, first_image))


def test_every_image_gets_a_caption_of_its_class():
    drawn = set()
    for number, (images, ids, labels) in enumerate(captions()):
        np.testing.assert_array_equal(labels, (np.arange(8) + number) % 3)
        assert (images == number).all()
        assert (ids.dtype, labels.dtype) == (np.int32, np.int32)
        for row, label in zip(ids, labels):
            drawn.add((int(label), int(row[0] // 5) - 4 * int(label)))
            assert row[0] // 20 == label
    assert drawn == {(label, template) for label in range(3) for template in range(4)}


def test_captions_are_a_function_of_the_place():
    whole, rest = captions(), captions(first_image=32)
    for (_, expected, _), (_, found, _) in zip(whole[2:], rest):
        np.testing.assert_array_equal(found, expected)
    for changes in ({"epoch": 1}, {"rank": 1}, {"seed": 4}):
        assert any((a[1] != b[1]).any() for a, b in zip(whole, captions(**changes)))


def config(section: str | None, key: str, value: object) -> RunConfig:
    run = RunConfig(method="contrastive")
    run.tuning.modes = ["full"]
    setattr(run if section is None else getattr(run, section), key, value)
    return run


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("augment", "mixup", 0.2, r"augment\.mixup: got 0\.2 .* an image has one caption"),
        ("augment", "label_smoothing", 0.1, r"augment\.label_smoothing: got 0\.1"),
        ("tuning", "modes", ["linear"], r"tuning\.modes: got \['linear'\] .* --tuning\.modes"),
        (None, "recompute", True, r"recompute: got True with method contrastive"),
        ("backbone", "drop_path", 0.1, r"backbone\.drop_path: got 0\.1"),
        ("optim", "layer_decay", 0.7, r"optim\.layer_decay: got 0\.7"),
    ],
)
def test_options_of_other_methods_are_refused(section, key, value, message):
    with pytest.raises(ConfigError, match=message):
        check_options(config(section, key, value))


def test_options_of_contrastive_are_refused_elsewhere():
    run = config("contrastive", "positives", "clip")
    check_config(run)
    run.method = "supervised"
    with pytest.raises(ConfigError, match=r"contrastive: acts on method contrastive only"):
        check_config(run)
