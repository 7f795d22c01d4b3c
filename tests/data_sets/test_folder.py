from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mindtune.data.datasets import create_dataset, splits_of
from mindtune.errors import DataError


def test_labels_follow_the_natural_order_of_class_folders(tmp_path, write_class_folders):
    write_class_folders(tmp_path / "train", {"class10": 1, "class2": 2, "Class1": 3})
    source = create_dataset("folder", tmp_path, "train")
    assert source.class_names == ("Class1", "class2", "class10")
    assert source.labels.dtype == np.int32
    assert source.labels.tolist() == [0, 0, 0, 1, 1, 2]
    folders = [source.paths[index].parent.name for index in range(len(source))]
    assert folders == ["Class1"] * 3 + ["class2"] * 2 + ["class10"]
    assert np.ptp(np.asarray(source.load(5))) == 0
    assert source.describe(5) == str(tmp_path / "train" / "class10" / "0.jpg")
    assert [path.name for path in source.paths[1:3]] == ["1.jpg", "2.jpg"]


@pytest.mark.parametrize(
    ("split", "folder"),
    [
        ("train", "training"),
        ("val", "valid"),
        ("val", "validation"),
        ("val", "eval"),
        ("val", "evaluation"),
        ("test", "testing"),
    ],
)
def test_split_folders_go_by_other_names(split, folder, tmp_path, write_class_folders):
    write_class_folders(tmp_path / folder, {"a": 1, "b": 2})
    assert splits_of("folder", tmp_path) == (split,)
    assert len(create_dataset("folder", tmp_path, split)) == 3


def test_the_exact_name_wins(tmp_path, write_class_folders):
    write_class_folders(tmp_path / "validation", {"a": 1})
    write_class_folders(tmp_path / "val", {"a": 2})
    assert len(create_dataset("folder", tmp_path, "val")) == 2


def test_images_of_all_kinds_at_any_depth_but_not_hidden_ones(tmp_path, write_image):
    wanted = ["a.JPG", "b.jpeg", "c.png", "d.bmp", "e.webp", "f.ppm", "g.tif", "deep/er/h.TIFF"]
    wanted += ["i.gif", "j.jfif", "k.pgm"]
    for file in [*wanted, ".hidden.png", ".thumbs/x.png", "._a.JPG"]:
        write_image(tmp_path / "train" / "cat" / file, 7)
    (tmp_path / "train" / "cat" / "notes.txt").write_text("no image")
    (tmp_path / "train" / "README").write_text("no class")
    write_image(tmp_path / "train" / ".cache" / "x.png", 7)
    source = create_dataset("folder", tmp_path, "train")
    found = [path.relative_to(tmp_path / "train" / "cat").as_posix() for path in source.paths]
    assert sorted(found) == sorted(wanted)
    assert source.class_names == ("cat",)
    assert all(source.load(index).size == (12, 10) for index in range(len(source)))


def test_linked_folders_are_followed(tmp_path, write_class_folders):
    write_class_folders(tmp_path / "elsewhere", {"cat": 2, "dog": 3})
    train = tmp_path / "root" / "train"
    (train / "dog").mkdir(parents=True)
    (train / "cat").symlink_to(tmp_path / "elsewhere" / "cat")
    (train / "dog" / "more").symlink_to(tmp_path / "elsewhere" / "dog")
    source = create_dataset("folder", tmp_path / "root", "train")
    assert source.labels.tolist() == [0, 0, 1, 1, 1]


def test_an_empty_class_folder_is_named(tmp_path, write_class_folders):
    write_class_folders(tmp_path / "train", {"a": 1, "b": 0})
    with pytest.raises(DataError, match=r"no image in class folder .*train/b, expected files"):
        create_dataset("folder", tmp_path, "train")


def test_images_that_lie_in_no_class_folder(tmp_path, write_image):
    write_image(tmp_path / "train" / "1.jpg", 0)
    with pytest.raises(DataError, match=r"got no class folder in .*train, expected one folder"):
        create_dataset("folder", tmp_path, "train")


def test_class_folders_without_split_folders_are_shown(tmp_path, write_class_folders):
    write_class_folders(tmp_path, {"cat": 1, "dog": 1})
    with pytest.raises(DataError, match=r"got no split folder \(.* holds: cat, dog\)"):
        create_dataset("folder", tmp_path, "train")


def test_classes_that_differ_from_train_are_named(tmp_path, write_class_folders):
    write_class_folders(tmp_path / "train", {f"c{i}": 1 for i in range(9)})
    write_class_folders(tmp_path / "val", {"c3": 1, "c4": 1, "zebra": 1})
    with pytest.raises(
        DataError, match=r"val lacks c0, c1, c2, c5, c6 \(2 more\) and has also zebra"
    ):
        create_dataset("folder", tmp_path, "val")


def test_a_split_without_a_folder_lists_the_others(tmp_path, write_class_folders):
    write_class_folders(tmp_path / "train", {"a": 1})
    write_class_folders(tmp_path / "test", {"a": 1})
    with pytest.raises(DataError, match=r"got split 'val', expected .*: train, test"):
        create_dataset("folder", tmp_path, "val")


def test_a_truncated_image_is_named_when_it_is_loaded(tmp_path):
    path = tmp_path / "train" / "a" / "x.png"
    path.parent.mkdir(parents=True)
    Image.effect_noise((32, 32), 50).save(path)
    path.write_bytes(path.read_bytes()[:200])
    source = create_dataset("folder", tmp_path, "train")
    with pytest.raises(DataError, match=rf"{path}: cannot be decoded"):
        source.load(0)


def test_a_list_names_the_classes(tmp_path, write_class_folders):
    for split in ("train", "val"):
        write_class_folders(tmp_path / split, {"n10": 1, "n2": 1, "big cat": 1})
    lines = ["n10 tiger shark", "n3 of another set", "", "big cat\ttiger", "n2\thot dog"]
    (tmp_path / "classnames.txt").write_text("\n".join(lines))
    for split in ("train", "val"):
        source = create_dataset("folder", tmp_path, split)
        assert source.class_names == ("tiger", "hot dog", "tiger shark")
        assert [path.parent.name for path in source.paths] == ["big cat", "n2", "n10"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "cat Katze\n",
            r"classnames\.txt: got no line for class folder dog, expected 'folder name'",
        ),
        ("cat\ndog Hund\n", r"classnames\.txt, line 1: got 'cat', expected 'key value'"),
        ("cat a\ncat b\ndog c\n", r"classnames\.txt, line 2: got 'cat b'"),
    ],
)
def test_a_bad_list_of_names(text, message, tmp_path, write_class_folders):
    write_class_folders(tmp_path / "test", {"cat": 1, "dog": 1})
    (tmp_path / "classnames.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        create_dataset("folder", tmp_path, "test")
