from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mindtune.data.datasets.cub200 import CUB200, load_cub200
from mindtune.data.datasets.nabirds import NABIRDS, load_nabirds
from mindtune.errors import DataError

CUB = replace(CUB200, num_classes=3, counts={"train": 4, "test": 2})
NA = replace(NABIRDS, num_classes=3, counts={"train": 3, "test": 2})

CUB_CLASSES = ["001.Black_footed_Albatross", "002.Laysan_Albatross", "010.Red_winged_Blackbird"]
# image id, class id, is train; classes are out of order and splits are mixed on purpose
CUB_ROWS = [(1, 1, 0), (2, 3, 1), (3, 2, 1), (4, 1, 1), (5, 2, 1), (6, 3, 0)]

# ids are UUIDs, class ids have gaps, and the unused nodes of the hierarchy have names too
NA_ROWS = [
    ("0000139e-21dc-4d0c-bfe1-4cae3c85c829", 817, 0),
    ("0000d9fc-4e02-4c06-a0af-a55cfb16b12b", 295, 1),
    ("00019306-9d83-4334-b255-a447742edce3", 1010, 1),
    ("0001afd4-99a1-4a67-b940-d419413e23b3", 817, 1),
    ("000332b8-997c-4540-9647-2f0a8495aecf", 295, 0),
]
NA_CLASSES = {0: "Birds", 295: "Common Loon", 817: "Oak Titmouse", 1010: "Dark-eyed Junco (Pink)"}


def write_lines(path: Path, rows) -> None:
    path.write_text("".join(" ".join(map(str, row)) + "\n" for row in rows))


@pytest.fixture
def cub(tmp_path, write_image) -> Path:
    home = tmp_path / "CUB_200_2011"
    home.mkdir()
    files = [f"{CUB_CLASSES[label - 1]}/Bird_{image:04d}.jpg" for image, label, _ in CUB_ROWS]
    write_lines(home / "images.txt", zip(range(1, 7), files))
    write_lines(home / "image_class_labels.txt", [(image, label) for image, label, _ in CUB_ROWS])
    write_lines(home / "train_test_split.txt", [(image, part) for image, _, part in CUB_ROWS])
    write_lines(home / "classes.txt", enumerate(CUB_CLASSES, start=1))
    for number, file in enumerate(files, start=1):
        write_image(home / "images" / file, 20 * number)
    return home


@pytest.fixture
def nabirds(tmp_path, write_image) -> Path:
    home = tmp_path / "nabirds"
    home.mkdir()
    files = [f"{label:04d}/{image.replace('-', '')}.jpg" for image, label, _ in NA_ROWS]
    write_lines(home / "images.txt", zip([row[0] for row in NA_ROWS], files))
    write_lines(home / "image_class_labels.txt", [(image, label) for image, label, _ in NA_ROWS])
    write_lines(home / "train_test_split.txt", [(image, part) for image, _, part in NA_ROWS])
    write_lines(home / "classes.txt", NA_CLASSES.items())
    write_lines(home / "hierarchy.txt", [(295, 0), (817, 0), (1010, 0)])
    for number, file in enumerate(files, start=1):
        write_image(home / "images" / file, 20 * number)
    return home


def greys(source) -> list[int]:
    """Which images a source holds, in units of 20, read from the pixels."""
    return [round(np.asarray(source.load(i)).mean() / 20) for i in range(len(source))]


@pytest.mark.parametrize("own_folder", [True, False])
def test_cub_follows_its_lists(own_folder, cub):
    root = cub if own_folder else cub.parent
    train, test = (load_cub200(CUB, root, split) for split in ("train", "test"))
    assert greys(train) == [2, 3, 4, 5]
    assert train.labels.tolist() == [2, 1, 0, 1]
    assert greys(test) == [1, 6]
    assert test.labels.tolist() == [0, 2]
    assert train.labels.dtype == np.int32
    assert test.class_names == (
        "Black footed Albatross",
        "Laysan Albatross",
        "Red winged Blackbird",
    )


@pytest.mark.parametrize("own_folder", [True, False])
def test_nabirds_renumbers_the_used_classes(own_folder, nabirds):
    root = nabirds if own_folder else nabirds.parent
    train, test = (load_nabirds(NA, root, split) for split in ("train", "test"))
    assert greys(train) == [2, 3, 4]
    assert train.labels.tolist() == [0, 2, 1]
    assert greys(test) == [1, 5]
    assert test.labels.tolist() == [1, 0]
    assert test.class_names == ("Common Loon", "Oak Titmouse", "Dark-eyed Junco (Pink)")


@pytest.mark.parametrize(
    "missing",
    ["images.txt", "image_class_labels.txt", "train_test_split.txt", "classes.txt", "images"],
)
def test_each_missing_part_is_named(missing, cub):
    path = cub / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(DataError, match=rf"{cub} without {missing}, expected .*half-unpacked"):
        load_cub200(CUB, cub.parent, "train")


def test_missing_images_are_counted_and_the_first_is_named(cub):
    shutil.rmtree(cub / "images" / CUB_CLASSES[1])
    with pytest.raises(
        DataError, match=r"no file .*Bird_0003\.jpg, .*images\.txt lists \(2 of 4 are missing\)"
    ):
        load_cub200(CUB, cub, "train")


def test_official_counts(cub):
    with pytest.raises(
        DataError, match=r"got 3 classes in .*image_class_labels\.txt, expected 200; half-unpacked"
    ):
        load_cub200(CUB200, cub, "train")
    with pytest.raises(
        DataError,
        match=r"'test': got 2 images in .*train_test_split\.txt, expected 5,794; half-unpacked",
    ):
        load_cub200(replace(CUB200, num_classes=3), cub, "test")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("images.txt", "1\n", r"images\.txt, line 1: got '1', expected 'key value'"),
        ("images.txt", "1 a\n1 b\n", r"images\.txt, line 2: got '1 b', expected .* new key"),
        ("images.txt", "\xff\xfe", r"images\.txt: cannot be read as text"),
        ("image_class_labels.txt", "1 1\n", r"labels\.txt: got no line for image 2 \(5 of 6"),
        (
            "image_class_labels.txt",
            "1 one\n2 2\n3 3\n4 2\n5 3\n6 2\n",
            r"labels\.txt: got class 'one', expected a number",
        ),
        ("train_test_split.txt", "", r"split\.txt: got no line for image 1 \(6 of 6"),
        ("classes.txt", "1 a\n3 c\n", r"classes\.txt: got no line for class 2"),
    ],
)
def test_tables_that_are_not_whole(file, content, message, cub):
    (cub / file).write_bytes(content.encode("latin1"))
    with pytest.raises(DataError, match=message):
        load_cub200(CUB, cub, "train")
