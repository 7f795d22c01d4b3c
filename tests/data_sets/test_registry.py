from __future__ import annotations

import re

import pytest

from mindtune.data.datasets import (
    DatasetSpec,
    create_dataset,
    dataset_spec,
    list_datasets,
    register_dataset,
    splits_of,
)
from mindtune.data.datasets.coop import COOP_SETS
from mindtune.errors import ConfigError, DataError

TEST_SETS = {  # of ImageNet's classes
    "imagenet_a": (200, {"test": 7_500}),
    "imagenet_r": (200, {"test": 30_000}),
    "imagenet_sketch": (1_000, {"test": 50_889}),
    "imagenet_v2": (1_000, {"test": 10_000}),
}

OFFICIAL = {
    **TEST_SETS,
    **{
        coop_set.spec.name: (coop_set.num_classes, dict(coop_set.spec.counts))
        for coop_set in COOP_SETS
    },
    "cifar10": (10, {"train": 50_000, "test": 10_000}),
    "cifar100": (100, {"train": 50_000, "test": 10_000}),
    "cifar_fs": (None, {"train": 38_400, "val": 9_600, "test": 12_000}),
    "cub200": (200, {"train": 5_994, "test": 5_794}),
    "digits": (10, {"train": 1_076, "val": 362, "test": 359}),
    "dtd": (47, {"train": 1_880, "val": 1_880, "test": 1_880}),
    "fc100": (None, {"train": 36_000, "val": 12_000, "test": 12_000}),
    "few_shot_folder": (None, {}),
    "fgvc_aircraft": (100, {"train": 3_334, "val": 3_333, "test": 3_333}),
    "flowers102": (102, {"train": 1_020, "val": 1_020, "test": 6_149}),
    "folder": (None, {}),
    "food101": (101, {"train": 75_750, "test": 25_250}),
    "imagenet": (1_000, {"train": 1_281_167, "val": 50_000}),
    "mini_imagenet": (None, {"train": 38_400, "val": 9_600, "test": 12_000}),
    "nabirds": (555, {"train": 23_929, "test": 24_633}),
    "omniglot": (None, {"train": 19_280, "test": 13_180}),
    "oxford_pets": (37, {"train": 3_680, "test": 3_669}),
    "stanford_cars": (196, {"train": 8_144, "test": 8_041}),
    "stanford_dogs": (120, {"train": 12_000, "test": 8_580}),
    "stl10": (10, {"train": 5_000, "test": 8_000}),
    "tiered_imagenet": (None, {"train": 448_695, "val": 124_261, "test": 206_209}),
}


def test_all_data_sets_are_listed_once():
    assert list_datasets() == tuple(sorted(OFFICIAL))


@pytest.mark.parametrize("name", sorted(OFFICIAL))
def test_official_sizes_and_a_source_line_are_declared(name):
    spec = dataset_spec(name)
    assert (spec.num_classes, dict(spec.counts)) == OFFICIAL[name]
    assert spec.title
    assert spec.source
    assert spec.needs_root is (name != "digits")
    assert set(spec.counts) <= set(spec.splits)
    if spec.class_names and name not in TEST_SETS:
        assert len(set(spec.class_names)) >= spec.num_classes - 2  # ImageNet repeats two names
        assert len(spec.class_names) == spec.num_classes


def test_an_alias_is_the_same_set():
    assert dataset_spec("cub2011") is dataset_spec("cub200")
    assert dataset_spec("pets37") is dataset_spec("oxford_pets")
    assert dataset_spec("aircraft") is dataset_spec("fgvc_aircraft")


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r"data\.name: got 'cub20'.*did you mean 'cub200'"):
        create_dataset("cub20", None, "train")


def test_an_unknown_split_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r"split: got 'trian'.*did you mean 'train'"):
        create_dataset("digits", None, "trian")


@pytest.mark.parametrize("name", sorted(set(OFFICIAL) - {"digits"}))
def test_a_missing_root_names_the_option(name):
    with pytest.raises(DataError, match=rf"'{name}'.*--data\.root"):
        create_dataset(name, None, "train")


@pytest.mark.parametrize("name", sorted(set(OFFICIAL) - {"digits"}))
def test_a_root_that_does_not_exist_is_named(name, tmp_path):
    missing = tmp_path / "nowhere"
    with pytest.raises(DataError, match=rf"{re.escape(str(missing))}, which does not exist"):
        create_dataset(name, missing, "train")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cifar10", "cifar-10-batches-py/ or cifar-10-batches-bin/ or cifar-10-python.tar.gz"),
        ("cifar100", "cifar-100-python/ or cifar-100-binary/ or cifar-100-python.tar.gz"),
        ("cub200", "images.txt, image_class_labels.txt"),
        ("dtd", "labels/train1.txt, labels/val1.txt, labels/test1.txt, images in"),
        ("fc100", "expected train/<class>/<image> in"),
        ("fgvc_aircraft", "variants.txt, images_variant_train.txt"),
        ("flowers102", "or an image folder train/<class>/<image>"),
        ("folder", "expected train/<class>/<image> in"),
        ("food101", "meta/train.txt, meta/test.txt, meta/classes.txt, images in"),
        ("imagenet", "expected train/<class>/<image> in"),
        ("nabirds", "images.txt, image_class_labels.txt"),
        ("omniglot", "expected a folder or archive of images_background, images_evaluation"),
        ("oxford_pets", "annotations/trainval.txt, annotations/test.txt, images in"),
        ("stanford_cars", "got no devkit/cars_meta.mat"),
        ("stanford_dogs", "got no train_list.mat"),
        ("stl10", "train_X.bin, train_y.bin"),
    ],
)
def test_an_empty_root_says_what_was_expected_where(name, expected, tmp_path):
    with pytest.raises(DataError) as caught:
        create_dataset(name, tmp_path, "train")
    message = str(caught.value)
    assert expected in message
    assert message.endswith("--data.root")
    for folder in dataset_spec(name).folders:
        assert f" or {tmp_path / folder}" in message


def test_a_split_the_set_has_not_lists_those_it_has(tmp_path):
    with pytest.raises(DataError, match=r"got split 'val', expected .*: train, test"):
        create_dataset("cub200", tmp_path, "val")


def test_splits_come_in_one_order():
    assert splits_of("digits") == ("train", "val", "test")


def test_a_name_cannot_be_registered_twice():
    spec = DatasetSpec(name="new", title="", source="", splits=("train",), aliases=("cub2011",))
    with pytest.raises(ValueError, match="'cub2011' is already registered"):
        register_dataset(spec)(lambda spec, root, split: None)
    with pytest.raises(ConfigError):
        dataset_spec("new")
