"""CoOp's split files on miniatures in the folders of CoOp and of AMU-Tuning."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mindtune.data.datasets import create_dataset, dataset_spec, splits_of
from mindtune.data.datasets.coop import COOP_SETS, load_coop
from mindtune.data.datasets.fgvc_aircraft import FGVC_AIRCRAFT, load_fgvc_aircraft
from mindtune.errors import DataError

BY_KEY = {coop_set.key: coop_set for coop_set in COOP_SETS}
SPLITS = {
    "train": [["b/1.jpg", 1, "hot dog"], ["a/2.jpg", 0, "Ant_hill"], ["b/3.jpg", 1, "hot dog"]],
    "val": [["a/4.jpg", 0, "Ant_hill"]],
    "test": [["c/5.jpg", 2, "car"], ["a/6.jpg", 0, "Ant_hill"]],
}
COUNTS = {"train": 3, "val": 1, "test": 2}


@pytest.fixture
def write_set(write_image):
    """Write a miniature of a set of CoOp's with the given split file."""

    def write(home: Path, key: str, splits: object = SPLITS) -> partial:
        coop_set = BY_KEY[key]
        for records in SPLITS.values():
            for name, _, _ in records:
                grey = 20 * int(Path(name).stem)
                write_image(home / coop_set.images / name, grey)
        (home / coop_set.split_file).write_text(json.dumps(splits))
        spec = replace(coop_set.spec, num_classes=3, counts=COUNTS)
        return partial(load_coop, coop_set.split_file, coop_set.images, spec)

    return write


# AMU-Tuning spec, section 8.2
HOMES = {
    "caltech101": ("caltech-101",),
    "oxford_pets": ("oxford_pets", "Oxfordpets"),
    "stanford_cars": ("stanford_cars", "cars"),
    "oxford_flowers": ("oxford_flowers", "Flower102"),
    "food101": ("food-101", "Food101/food-101"),
    "sun397": ("sun397", ""),
    "dtd": ("dtd", "DTD/dtd"),
    "eurosat": ("eurosat", "EuroSAT/EuroSAT"),
    "ucf101": ("ucf101", "UCF101"),
}


@pytest.mark.parametrize(
    ("key", "home"), [(key, home) for key, homes in HOMES.items() for home in homes]
)
def test_folders_of_both(key, home, tmp_path, write_set):
    load = write_set(tmp_path / home, key)
    for root in (tmp_path, tmp_path / home):
        source = load(root, "train")
        assert source.labels.tolist() == [1, 0, 1]
        assert source.labels.dtype == np.int32
        assert source.class_names == ("Ant_hill", "hot dog", "car")
        assert [path.name for path in source.paths] == ["1.jpg", "2.jpg", "3.jpg"]
        assert [round(np.asarray(source.load(i)).mean() / 20) for i in range(3)] == [1, 2, 3]
    assert splits_of(f"coop_{key}", tmp_path) == ("train", "val", "test")
    assert load(tmp_path, "test").labels.tolist() == [2, 0]


def test_nine_sets_whose_counts_add_up():
    totals = {key: sum(coop_set.counts) for key, coop_set in BY_KEY.items()}
    assert totals == {  # images of the sets themselves, in other papers
        "caltech101": 8_242,
        "oxford_pets": 7_349,
        "stanford_cars": 16_185,
        "oxford_flowers": 8_189,
        "food101": 101_000,
        "sun397": 39_700,
        "dtd": 5_640,
        "eurosat": 27_000,
        "ucf101": 13_320,
    }
    assert dataset_spec("coop_dtd").splits == ("train", "val", "test")


def test_counts_and_classes_are_checked(tmp_path, write_set):
    write_set(tmp_path / "eurosat", "eurosat")
    message = r"'coop_eurosat'.*: got 3 classes in .*split_zhou_EuroSAT\.json, expected 10"
    with pytest.raises(DataError, match=message):
        create_dataset("coop_eurosat", tmp_path, "train")
    load = write_set(tmp_path / "dtd", "dtd", {**SPLITS, "val": []})
    with pytest.raises(DataError, match=r"split 'val': got 0 images in .*\.json, expected 1"):
        load(tmp_path, "val")


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ([], r"got no list of \[image, label, class name\] under 'train'"),
        ({"train": [], "val": []}, r"under 'test', expected one a split"),
        ({**SPLITS, "val": [["a/4.jpg", "0", "Ant_hill"]]}, r"under 'val'"),
        ({**SPLITS, "test": [["a/4.jpg", True, "Ant_hill"]]}, r"under 'test'"),
        (
            {**SPLITS, "val": [["a/4.jpg", 0, "ant hill"]]},
            r"got class 0 called 'ant hill' at a/4\.jpg, expected 'Ant_hill' as before",
        ),
        (
            {**SPLITS, "test": [["c/5.jpg", 3, "car"]]},
            r"got labels 0 to 3 of 3 classes, expected 0, 1, 2, \.\.\. without gaps",
        ),
        (
            {**SPLITS, "train": [*SPLITS["train"][:2], ["a/9.jpg", 0, "Ant_hill"]]},
            r"no file .*9\.jpg.*1 of 3",
        ),
    ],
)
def test_a_bad_split_file_is_named(splits, message, tmp_path, write_set):
    load = write_set(tmp_path, "oxford_pets", splits)
    with pytest.raises(DataError, match=message):
        load(tmp_path, "train")


def test_what_is_missing_is_named(tmp_path, write_set):
    load = write_set(tmp_path / "ucf101", "ucf101")
    (tmp_path / "ucf101" / "split_zhou_UCF101.json").write_text("{")
    with pytest.raises(DataError, match=r"UCF101\.json: cannot be read as JSON"):
        load(tmp_path, "train")
    (tmp_path / "ucf101" / "split_zhou_UCF101.json").unlink()
    with pytest.raises(DataError, match=r"without split_zhou_UCF101\.json, expected split_zhou"):
        load(tmp_path, "train")
    with pytest.raises(DataError, match=r"got no split_zhou_SUN397\.json, .* in .*/sun397"):
        create_dataset("coop_sun397", tmp_path, "train")


def test_all_splits_empty_is_no_traceback(tmp_path, write_set):
    load = write_set(tmp_path, "dtd", {"train": [], "val": [], "test": []})
    with pytest.raises(DataError, match="got 0 classes in"):
        load(tmp_path, "train")


@pytest.mark.parametrize("home", ["fgvc_aircraft", "FGVCAircraft/fgvc-aircraft-2013b/data"])
def test_aircraft_lies_in_the_folders_of_both(home, tmp_path, write_image):
    folder = tmp_path / home
    write_image(folder / "images" / "1.jpg", 20)
    (folder / "variants.txt").write_text("A\nBoeing 707\n")
    for split in ("train", "val", "test"):
        (folder / f"images_variant_{split}.txt").write_text("1 Boeing 707\n")
    spec = replace(FGVC_AIRCRAFT, num_classes=2, counts={"train": 1})
    assert load_fgvc_aircraft(spec, tmp_path, "train").labels.tolist() == [1]
    assert dataset_spec("coop_fgvc_aircraft") is FGVC_AIRCRAFT
