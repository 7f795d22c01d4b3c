from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mindtune.errors import CheckpointError, DataError
from mindtune.evaluation.feature_cache import FeatureCache, blocks_of

WHAT = {"weights": "abc", "images": {"images": 7}}
FEATURES = np.random.default_rng(0).standard_normal((7, 3)).astype(np.float32)


def never(values: np.ndarray) -> None:
    raise AssertionError("computed again")


def share(folder: Path, rank: int, ranks: int, fill=None, what=WHAT) -> np.ndarray:
    def write(values: np.ndarray) -> None:
        values[:] = FEATURES[rank::ranks]

    return FeatureCache(folder, rank, ranks).share(what, 7, 3, fill or write)


def test_features_are_computed_once(tmp_path):
    folder = tmp_path / "a" / "b"
    np.testing.assert_array_equal(share(folder, 0, 1), FEATURES)
    again = share(folder, 0, 1, never)
    np.testing.assert_array_equal(again, FEATURES)
    assert not again.flags.writeable
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".npy"]


@pytest.mark.parametrize("what", [{"weights": "abd", "images": {"images": 7}}, {}])
def test_other_weights_or_images_are_computed_anew(what, tmp_path):
    share(tmp_path, 0, 1)
    other = share(tmp_path, 0, 1, lambda values: values.fill(5), what)
    assert (other == 5).all()
    np.testing.assert_array_equal(share(tmp_path, 0, 1, never), FEATURES)


@pytest.mark.parametrize(("wrote", "reads"), [(1, 3), (3, 1), (3, 2), (2, 9)])
def test_another_number_of_ranks_finds_its_images(wrote, reads, tmp_path):
    for rank in range(wrote):
        share(tmp_path, rank, wrote)
    for rank in range(reads):
        found = share(tmp_path, rank, reads, never)
        np.testing.assert_array_equal(found, FEATURES[rank::reads])
        assert found.shape[1] == 3


def test_an_incomplete_set_does_not_count(tmp_path):
    for rank in (0, 2):
        share(tmp_path, rank, 3)
    with pytest.raises(AssertionError, match="computed again"):
        share(tmp_path, 0, 1, never)
    np.testing.assert_array_equal(share(tmp_path, 2, 3, never), FEATURES[2::3])


def test_a_failed_computation_leaves_nothing(tmp_path):
    def fail(values: np.ndarray) -> None:
        raise DataError("image 3: cannot be decoded")

    with pytest.raises(DataError, match="image 3"):
        share(tmp_path, 0, 1, fail)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no features", None], ids=["empty", "foreign", "cut"])
def test_a_broken_file_is_named(content, tmp_path):
    share(tmp_path, 0, 1)
    (file,) = tmp_path.glob("*.npy")
    file.write_bytes(file.read_bytes()[:-8] if content is None else content)
    with pytest.raises(CheckpointError, match=f"{file}: no whole file of features"):
        share(tmp_path, 0, 1, never)


def test_a_file_of_another_shape_is_named(tmp_path):
    share(tmp_path, 0, 1)
    (file,) = tmp_path.glob("*.npy")
    np.save(file, np.zeros((7, 4), np.float32))
    with pytest.raises(CheckpointError, match=r"got float32 \(7, 4\), expected float32 \(7, 3\)"):
        share(tmp_path, 0, 1, never)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=r"choose another cache"):
        share(tmp_path / "file" / "folder", 0, 1)


@pytest.mark.parametrize("kept", [True, False], ids=["file", "memory"])
def test_features_in_blocks(kept, tmp_path):
    values = share(tmp_path, 0, 1) if kept else FEATURES
    blocks = list(blocks_of(values, 3))
    assert [len(block) for block in blocks] == [3, 3, 1]
    assert not any(isinstance(block, np.memmap) for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks), FEATURES)
