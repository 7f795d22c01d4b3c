from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mindtune.data import skipped
from mindtune.data.datasets import create_dataset
from mindtune.data.skipped import drop_unreadable
from mindtune.errors import DataError


def test_unreadable_images_are_left_out_and_named(tmp_path, write_class_folders):
    write_class_folders(tmp_path / "train", {"a": 4, "b": 3})
    truncated = tmp_path / "train" / "a" / "2.jpg"
    truncated.write_bytes(truncated.read_bytes()[:300])
    text = tmp_path / "train" / "b" / "0.jpg"
    text.write_text("<html>404</html>")
    source = create_dataset("folder", tmp_path, "train")
    readable, left_out = drop_unreadable(source)
    assert left_out == [str(truncated), str(text)]
    assert readable.labels.tolist() == [0, 0, 0, 1, 1]
    assert [readable.describe(index)[-7:] for index in range(5)] == [
        *("a/0.jpg", "a/1.jpg", "a/3.jpg", "b/1.jpg", "b/2.jpg")
    ]
    assert all(readable.load(index).size == (12, 10) for index in range(5))


def test_nothing_is_left_out_of_a_sound_set(make_arrays):
    readable, left_out = drop_unreadable(make_arrays([0, 1, 1]))
    assert (len(readable), left_out) == (3, [])


def test_progress_counts_to_the_total(make_arrays, monkeypatch):
    monkeypatch.setattr(skipped, "_BLOCK", 2)
    seen = []
    drop_unreadable(make_arrays([0] * 5), lambda done, total: seen.append((done, total)))
    assert seen == [(2, 5), (4, 5), (5, 5)]


def test_a_class_of_which_nothing_is_readable(tmp_path, write_class_folders):
    write_class_folders(tmp_path / "train", {"a": 1, "b": 2})
    for file in (tmp_path / "train" / "b").iterdir():
        file.write_bytes(b"")
    with pytest.raises(DataError, match=r"class 'b': got 2 images, none of which .*b/0\.jpg"):
        drop_unreadable(create_dataset("folder", tmp_path, "train"))


def test_faults_of_our_own_are_not_swallowed(make_arrays):
    source = make_arrays([0, 0])
    broken = replace(source, pixels=source.pixels.astype(np.float64))
    with pytest.raises(TypeError, match="Cannot handle this data type"):
        drop_unreadable(broken)
