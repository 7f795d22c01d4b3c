from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mindtune.data.datasets import create_dataset
from mindtune.data.datasets.mini_imagenet import MINI_IMAGENET
from mindtune.data.preparing.imagenet_lists import prepare_from_imagenet
from mindtune.errors import DataError

WNIDS = [f"n0000000{number}" for number in range(1, 4)]
SPEC = replace(
    MINI_IMAGENET,
    split_classes={"train": 1, "val": 1, "test": 1},
    counts={"train": 2, "val": 3, "test": 3},
)


@pytest.fixture
def imagenet(tmp_path) -> Path:
    """Image k of a class, in the order of the numbers in its file names, has grey 10 k."""
    for wnid in WNIDS:
        folder = tmp_path / "imagenet" / "train" / wnid
        folder.mkdir(parents=True)
        for place, number in enumerate((7, 20, 100), start=1):
            Image.new("RGB", (40, 20), (10 * place,) * 3).save(folder / f"{wnid}_{number}.JPEG")
    return tmp_path / "imagenet"


@pytest.fixture
def lists(tmp_path) -> Path:
    folder = tmp_path / "lists"
    folder.mkdir()
    rows = [f"{WNIDS[0]}0000000{number}.jpg,{WNIDS[0]}" for number in (3, 1)]
    (folder / "train.csv").write_text("filename,label\n" + "\n".join(rows) + "\n")
    (folder / "val.txt").write_text(f"{WNIDS[1]}\n")
    (folder / "test.csv").write_text(f"{WNIDS[2]},n09999999\n\n")
    return folder


def test_listed_images_and_whole_classes(imagenet, lists, tmp_path):
    prepare_from_imagenet(SPEC, imagenet, lists, tmp_path / "out", 16, 2, lambda line: None)
    train = create_dataset("few_shot_folder", tmp_path / "out", "train")
    assert train.class_names == (WNIDS[0],)
    assert {path.name: int(np.asarray(Image.open(path))[0, 0, 0]) for path in train.paths} == {
        f"{WNIDS[0]}_7.jpg": 10,
        f"{WNIDS[0]}_100.jpg": 30,
    }
    assert train.load(0).size == (16, 16)
    test = create_dataset("few_shot_folder", tmp_path / "out", "test")
    assert (test.class_names, len(test)) == ((WNIDS[2],), 3)


def test_size_0_copies_files(imagenet, lists, tmp_path):
    prepare_from_imagenet(SPEC, imagenet / "train", lists, tmp_path / "out", 0, 1, print)
    copied = tmp_path / "out" / "val" / WNIDS[1] / f"{WNIDS[1]}_20.JPEG"
    original = imagenet / "train" / WNIDS[1] / f"{WNIDS[1]}_20.JPEG"
    assert copied.read_bytes() == original.read_bytes()


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("val.txt", None, r"got no val\.csv or val\.txt in .*lists, expected one list a split"),
        ("train.csv", f"x\n{WNIDS[0]}00000004.jpg,a", r"got 3 images of n00000001, expected at"),
        ("train.csv", f"x\n{WNIDS[0]}\ncat,dog", r"train\.csv, line 3: got 'cat,dog', expected"),
        ("test.csv", "n01234567", r"got no images of n01234567 in .*expected ImageNet's training"),
        (
            "val.txt",
            f"{WNIDS[1]}\n{WNIDS[2]}",
            r"got 2 classes of 6 images, expected 1 of 3",
        ),
    ],
)
def test_faults_of_lists(file, text, message, imagenet, lists, tmp_path):
    (lists / file).unlink()
    if text is not None:
        (lists / file).write_text(text)
    with pytest.raises(DataError, match=message):
        prepare_from_imagenet(SPEC, imagenet, lists, tmp_path / "out", 16, 1, print)
    assert not (tmp_path / "out").exists()


def test_nothing_is_left_of_a_set_that_could_not_be_written(imagenet, lists, tmp_path):
    (imagenet / "train" / WNIDS[2] / f"{WNIDS[2]}_20.JPEG").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"n00000003_20\.JPEG: cannot be decoded"):
        prepare_from_imagenet(SPEC, imagenet, lists, tmp_path / "out", 16, 1, print)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["imagenet", "lists"]


def test_an_existing_folder_is_not_written_into(imagenet, lists, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match=r"out: got .*out, which exists; remove it"):
        prepare_from_imagenet(SPEC, imagenet, lists, tmp_path / "out", 16, 1, print)
