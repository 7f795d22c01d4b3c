"""Food-101, Oxford-IIIT Pets, DTD and FGVC-Aircraft: image files that text lists name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from mindtune.data.datasets import DatasetSpec, create_dataset, splits_of
from mindtune.data.datasets.dtd import DTD, load_dtd
from mindtune.data.datasets.fgvc_aircraft import FGVC_AIRCRAFT, load_fgvc_aircraft
from mindtune.data.datasets.food101 import FOOD101, load_food101
from mindtune.data.datasets.oxford_pets import OXFORD_PETS, load_oxford_pets
from mindtune.data.source import ImageSource
from mindtune.errors import DataError


@dataclass(frozen=True)
class Mini:
    """A miniature of one set in its official form.

    Attributes:
        folder: what the official archives unpack to.
        lists: text files and their content.
        images: expected images of each split below ``images/``.
        labels: their labels.
    """

    spec: DatasetSpec
    load: Callable[[DatasetSpec, Path, str], ImageSource]
    folder: str
    lists: dict[str, str]
    images: dict[str, list[str]]
    labels: dict[str, list[int]]
    names: tuple[str, ...]

    def list_of(self, split: str) -> str:
        """The file that lists a split."""
        return next(file for file in self.lists if split in file)

    def small(self) -> DatasetSpec:
        counts = {split: len(images) for split, images in self.images.items()}
        return replace(self.spec, num_classes=len(self.names), counts=counts)


FOOD = Mini(
    FOOD101,
    load_food101,
    "food-101",
    {
        "meta/classes.txt": "apple_pie\nwaffles\n",
        "meta/labels.txt": "Apple pie\nWaffles\n",
        "meta/train.txt": "waffles/12\napple_pie/100\nwaffles/9\n",
        "meta/test.txt": "apple_pie/7\nwaffles/3\n",
    },
    {
        "train": ["waffles/12.jpg", "apple_pie/100.jpg", "waffles/9.jpg"],
        "test": ["apple_pie/7.jpg", "waffles/3.jpg"],
    },
    {"train": [1, 0, 1], "test": [0, 1]},
    ("apple pie", "waffles"),
)
PETS = Mini(
    OXFORD_PETS,
    load_oxford_pets,
    "oxford-iiit-pet",
    {  # the 10th breed sorts before the 2nd as text, and cats are written large
        "annotations/trainval.txt": "Abyssinian_100 1 1 1\nbasset_hound_9 10 2 2\nSphynx_5 2 1 2\n",
        "annotations/test.txt": "Sphynx_1 2 1 2\nbasset_hound_1 10 2 2\nAbyssinian_2 1 1 1\n",
    },
    {
        "train": ["Abyssinian_100.jpg", "basset_hound_9.jpg", "Sphynx_5.jpg"],
        "test": ["Sphynx_1.jpg", "basset_hound_1.jpg", "Abyssinian_2.jpg"],
    },
    {"train": [0, 2, 1], "test": [1, 2, 0]},
    ("Abyssinian", "Sphynx", "basset hound"),
)
TEXTURES = Mini(
    DTD,
    load_dtd,
    "dtd",
    {
        "labels/train1.txt": "zigzagged/zigzagged_0002.jpg\nbanded/banded_0001.jpg\n",
        "labels/train10.txt": "banded/banded_0009.jpg\n",
        "labels/val1.txt": "banded/banded_0004.jpg\nzigzagged/zigzagged_0001.jpg\n",
        "labels/test1.txt": "banded/banded_0005.jpg\nzigzagged/zigzagged_0003.jpg\n",
    },
    {
        "train": ["zigzagged/zigzagged_0002.jpg", "banded/banded_0001.jpg"],
        "val": ["banded/banded_0004.jpg", "zigzagged/zigzagged_0001.jpg"],
        "test": ["banded/banded_0005.jpg", "zigzagged/zigzagged_0003.jpg"],
    },
    {"train": [1, 0], "val": [0, 1], "test": [0, 1]},
    ("banded", "zigzagged"),
)
AIRCRAFT = Mini(
    FGVC_AIRCRAFT,
    load_fgvc_aircraft,
    "fgvc-aircraft-2013b/data",
    {
        "variants.txt": "Model B200\n707-320\nF/A-18\n",
        "images_variant_train.txt": "1025794 707-320\n0034309 Model B200\n1340192 F/A-18\n",
        "images_variant_val.txt": "0056978 F/A-18\n",
        "images_variant_test.txt": "1514522 707-320\n0747566 Model B200\n",
    },
    {
        "train": ["1025794.jpg", "0034309.jpg", "1340192.jpg"],
        "val": ["0056978.jpg"],
        "test": ["1514522.jpg", "0747566.jpg"],
    },
    {"train": [1, 0, 2], "val": [2], "test": [1, 0]},
    ("Model B200", "707-320", "F/A-18"),
)
MINIS = pytest.mark.parametrize("mini", [FOOD, PETS, TEXTURES, AIRCRAFT], ids=lambda m: m.spec.name)


@pytest.fixture
def unpack(tmp_path, write_image) -> Callable[[Mini], Path]:
    """Write a miniature; image n of a split has the grey value 20 n. Returns its own folder."""

    def write(mini: Mini) -> Path:
        home = tmp_path / "root" / mini.folder
        for file, content in mini.lists.items():
            (home / file).parent.mkdir(parents=True, exist_ok=True)
            (home / file).write_text(content)
        for images in mini.images.values():
            for number, image in enumerate(images):
                write_image(home / "images" / image, 20 * number)
        return home

    return write


@MINIS
@pytest.mark.parametrize("own_folder", [True, False])
def test_official_files(mini, own_folder, unpack, tmp_path):
    home = unpack(mini)
    root = home if own_folder else tmp_path / "root"
    assert splits_of(mini.spec.name, root) == tuple(mini.images)
    for split, images in mini.images.items():
        source = mini.load(mini.small(), root, split)
        assert list(source.paths) == [home / "images" / image for image in images]
        assert source.labels.tolist() == mini.labels[split]
        assert source.labels.dtype == np.int32
        assert source.class_names == mini.names
        assert [round(np.asarray(source.load(i)).mean() / 20) for i in range(len(images))] == [
            *range(len(images))
        ]


@MINIS
def test_official_counts(mini, unpack):
    home, (split, images) = unpack(mini), next(iter(mini.images.items()))
    with pytest.raises(DataError, match=rf"got {len(mini.names)} classes in .*expected \d+"):
        mini.load(mini.spec, home, split)
    official = f"{mini.spec.counts[split]:,}"
    with pytest.raises(DataError, match=rf"got {len(images)} images in .*, expected {official};"):
        mini.load(replace(mini.spec, num_classes=len(mini.names)), home, split)


@MINIS
def test_missing_parts_are_named(mini, unpack):
    home, images = unpack(mini), mini.images["test"]
    (home / "images" / images[1]).unlink()
    message = rf"images/{images[1]}, .*\(1 of {len(images)} are missing\)"
    with pytest.raises(DataError, match=message):
        mini.load(mini.small(), home, "test")
    table = mini.list_of("test")
    (home / table).unlink()
    with pytest.raises(DataError, match=rf"{home} without {table}, expected .*half-unpacked"):
        mini.load(mini.small(), home, "train")


@MINIS
def test_a_list_of_another_kind(mini, unpack):
    home = unpack(mini)
    (home / mini.list_of("test")).write_bytes(b"\x00\xff\xfe")
    with pytest.raises(DataError, match="cannot be read as text"):
        mini.load(mini.small(), home, "test")


@MINIS
def test_an_image_folder(mini, tmp_path, write_class_folders):
    for split in ("train", "val"):
        write_class_folders(tmp_path / split, {"a": 2, "b": 1})
    assert splits_of(mini.spec.name, tmp_path) == ("train", "val")
    source = mini.load(replace(mini.spec, num_classes=2), tmp_path, "val")
    assert (source.class_names, source.labels.tolist()) == (("a", "b"), [0, 0, 1])
    with pytest.raises(DataError, match=rf"got 2 classes in .*expected {mini.spec.num_classes}"):
        create_dataset(mini.spec.name, tmp_path, "train")


@pytest.mark.parametrize(
    ("mini", "table", "content", "message"),
    [
        (FOOD, "meta/test.txt", "waffles/3\nwafles/4\n", "class 'wafles'.*did you mean 'waffles'"),
        (AIRCRAFT, "images_variant_val.txt", "1 F/A-19\n", "class 'F/A-19', expected one of the 3"),
        (AIRCRAFT, "images_variant_val.txt", "1025794\n", "line 1: got '1025794', expected 'key"),
        (PETS, "annotations/test.txt", "a_1 1 1 1\na_2 2 1 1\nb_1 3 1 1\n", "number 2 for a, .* 1"),
        (PETS, "annotations/test.txt", "a_1 x 1 1\nb_2 2 1 1\nc_1 3 1 1\n", "number x for a, "),
    ],
)
def test_lists_that_contradict_themselves(mini, table, content, message, unpack):
    home = unpack(mini)
    (home / table).write_text(content)
    split = "val" if "val" in table else "test"
    with pytest.raises(DataError, match=message):
        mini.load(replace(mini.small(), counts={}), home, split)
