from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mindtune.data.datasets import (
    ALEXNET_ERRORS,
    CORRUPTIONS,
    EXTRA_CORRUPTIONS,
    IMAGENET_A,
    IMAGENET_R,
    IMAGENET_SKETCH,
    IMAGENET_V2,
    MCE_CORRUPTIONS,
    corruption_source,
    create_dataset,
    imagenet_class_names,
    imagenet_subset,
    imagenet_wnids,
    list_datasets,
    splits_of,
)
from mindtune.data.datasets.imagenet import IMAGENET, load_imagenet
from mindtune.data.datasets.imagenet_c import IMAGENET_C
from mindtune.errors import ConfigError, DataError

WNIDS = ("n01440764", "n01443537", "n01484850", "n01491361")
NAMES = ("tench", "goldfish", "great white shark", "tiger shark")
MINI = replace(
    IMAGENET,
    num_classes=4,
    counts={"train": 8, "val": 4},
    class_names=NAMES,
    class_folders=WNIDS,
)


def test_the_1000_classes():
    wnids, names = imagenet_wnids(), imagenet_class_names()
    assert len(set(wnids)) == 1000
    assert list(wnids) == sorted(wnids)
    assert all(len(wnid) == 9 and wnid[0] == "n" and wnid[1:].isdecimal() for wnid in wnids)
    assert len(names) == 1000
    assert all(names)
    # three well-known positions
    assert (wnids[0], names[0]) == ("n01440764", "tench")
    assert (wnids[207], names[207]) == ("n02099601", "Golden Retriever")
    assert (wnids[999], names[999]) == ("n15075141", "toilet paper")


@pytest.mark.parametrize("home", ["", "imagenet", "ILSVRC/Data/CLS-LOC", "imagenet/images"])
def test_labels_are_positions_of_wnids(home, tmp_path, write_class_folders):
    write_class_folders(tmp_path / home / "train", dict.fromkeys(reversed(WNIDS), 2))
    write_class_folders(tmp_path / home / "validation", dict.fromkeys(WNIDS, 1))
    assert splits_of("imagenet", tmp_path) == ("train", "val")
    train, val = (load_imagenet(MINI, tmp_path, split) for split in ("train", "val"))
    assert train.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert val.labels.tolist() == [0, 1, 2, 3]
    assert [path.parent.name for path in val.paths] == list(WNIDS)
    assert val.class_names == NAMES


def test_validation_alone_is_enough_to_evaluate(tmp_path, write_class_folders):
    write_class_folders(tmp_path / "val", dict.fromkeys(WNIDS, 1))
    assert splits_of("imagenet", tmp_path) == ("val",)
    assert len(load_imagenet(MINI, tmp_path, "val")) == 4


def test_class_folders_must_be_the_wnids(tmp_path, write_class_folders):
    write_class_folders(tmp_path / "train", dict.fromkeys((*WNIDS[:3], "tiger"), 2))
    with pytest.raises(DataError, match="differ from the official wnids: train lacks n01491361"):
        load_imagenet(MINI, tmp_path, "train")


def test_fewer_images_than_official_is_an_error_and_more_is_none(tmp_path, write_class_folders):
    write_class_folders(tmp_path / "train", dict.fromkeys(WNIDS, 2))
    (tmp_path / "train" / WNIDS[1] / "0.jpg").unlink()
    with pytest.raises(DataError, match=r"'train': got 7 images in .*train, expected 8"):
        load_imagenet(MINI, tmp_path, "train")
    write_class_folders(tmp_path / "train", dict.fromkeys(WNIDS, 3))
    assert len(load_imagenet(MINI, tmp_path, "train")) == 12


@pytest.mark.parametrize(
    ("spec", "classes", "images"),
    [
        (IMAGENET_A, 200, 7_500),
        (IMAGENET_R, 200, 30_000),
        (IMAGENET_V2, 1000, 10_000),
        (IMAGENET_SKETCH, 1000, 50_889),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_subset_sizes(spec, classes, images):
    assert (spec.num_classes, spec.counts["test"]) == (classes, images)
    assert spec.name in list_datasets()


@pytest.mark.parametrize(
    ("spec", "home"),
    [
        (IMAGENET_V2, "imagenetv2-matched-frequency-format-val"),
        (IMAGENET_V2, "imagenetv2/imagenetv2-matched-frequency-format-val"),
        (IMAGENET_SKETCH, "sketch"),
        (IMAGENET_SKETCH, "imagenet-sketch/images"),
        (IMAGENET_SKETCH, ""),
    ],
)
def test_sets_of_all_classes(spec, home, tmp_path, write_class_folders):
    """ImageNet-V2's folders are labels: 10 comes after 9, not after 1."""
    mini = replace(spec, counts={"test": 1000})
    write_class_folders(tmp_path / home, dict.fromkeys(spec.class_folders, 0))
    for folder in spec.class_folders:
        (tmp_path / home / folder / "0.jpg").touch()
    subset = imagenet_subset(mini, tmp_path)
    assert subset.logit_indices.tolist() == subset.source.labels.tolist() == list(range(1000))
    folders = [path.parent.name for path in subset.source.paths]
    assert (folders[2], folders[10]) == (spec.class_folders[2], spec.class_folders[10])
    assert subset.source.class_names == imagenet_class_names()
    with pytest.raises(DataError, match="got 1,000 images in .*, expected"):
        create_dataset(spec.name, tmp_path, "test")


# first and last positions that section 4.4 of the moment probing spec gives
A_POSITIONS = [6, 11, 13, 15, 17, 22, 986, 987, 988]


@pytest.mark.parametrize("home", ["", "imagenet-a"])
def test_subset_indices_come_from_folder_names(home, tmp_path, write_class_folders):
    spec = replace(IMAGENET_A, num_classes=9, counts={"test": 18})
    wnids = [imagenet_wnids()[position] for position in A_POSITIONS]
    write_class_folders(tmp_path / home, dict.fromkeys(wnids, 2))
    (tmp_path / home / "README.txt").write_text("as in the archive")
    subset = imagenet_subset(spec, tmp_path)
    assert subset.logit_indices.tolist() == A_POSITIONS
    assert subset.source.labels.tolist() == np.repeat(np.arange(9), 2).tolist()
    assert [path.parent.name for path in subset.source.paths[::2]] == wnids
    assert subset.source.class_names[0] == imagenet_class_names()[6]


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ({}, r"got no class folder, expected n01440764 .* or .*imagenet-a"),
        ({WNIDS[0]: 2, "dog": 1}, r"got class folders dog in .*, expected only n01440764 to n15"),
        ({WNIDS[0]: 4}, r"got 1 classes in .*, expected 2"),
        ({WNIDS[0]: 1, WNIDS[1]: 2}, r"got 3 images in .*, expected 4"),
        ({WNIDS[0]: 4, WNIDS[1]: 0}, rf"no image in class folder .*{WNIDS[1]}"),
    ],
    ids=["missing", "foreign", "classes", "images", "empty"],
)
def test_a_bad_subset_says_what_is_wrong(folders, message, tmp_path, write_class_folders):
    spec = replace(IMAGENET_A, num_classes=2, counts={"test": 4})
    write_class_folders(tmp_path, folders)
    with pytest.raises(DataError, match=message):
        imagenet_subset(spec, tmp_path)


MINI_C = replace(
    IMAGENET_C, num_classes=4, counts={"test": 4}, class_names=NAMES, class_folders=WNIDS
)


def test_alexnet_errors():
    assert len(MCE_CORRUPTIONS) == 15
    assert len(set(CORRUPTIONS)) == 19
    assert set(CORRUPTIONS) - set(EXTRA_CORRUPTIONS) == set(ALEXNET_ERRORS)
    # summed by awk over the text of section 4.4, in units of 1e-6
    assert round(sum(ALEXNET_ERRORS.values()) * 1e6) == 11_834_896
    assert ALEXNET_ERRORS["brightness"] == min(ALEXNET_ERRORS.values()) == 0.564592
    assert ALEXNET_ERRORS["impulse_noise"] == max(ALEXNET_ERRORS.values()) == 0.922640
    assert IMAGENET_C.counts["test"] == 50_000


@pytest.mark.parametrize("home", ["", "ImageNet-C"])
def test_a_corruption_is_labelled_as_imagenet_is(home, tmp_path, write_class_folders):
    for severity in (1, 5):
        folder = tmp_path / home / "glass_blur" / str(severity)
        write_class_folders(folder, dict.fromkeys(WNIDS, 1))
    source = corruption_source(tmp_path, "glass_blur", 5, MINI_C)
    assert source.labels.tolist() == [0, 1, 2, 3]
    assert {path.parent.parent for path in source.paths} == {tmp_path / home / "glass_blur" / "5"}


def test_a_missing_corruption_folder_is_named(tmp_path):
    with pytest.raises(DataError, match=rf"got no folder {tmp_path}/snow/3 or .*4 wnid folders"):
        corruption_source(tmp_path, "snow", 3, MINI_C)


def test_a_corruption_with_too_few_images(tmp_path, write_class_folders):
    write_class_folders(tmp_path / "snow" / "3", dict.fromkeys(WNIDS, 1))
    with pytest.raises(DataError, match=r"got 4 images in .*snow/3, expected 5"):
        corruption_source(tmp_path, "snow", 3, replace(MINI_C, counts={"test": 5}))


@pytest.mark.parametrize(
    ("corruption", "severity", "message"),
    [("fogg", 1, "did you mean 'fog'"), ("fog", 0, "severity: got 0"), ("fog", 6, "got 6")],
)
def test_unknown_corruptions_and_severities(corruption, severity, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        corruption_source(tmp_path, corruption, severity)
