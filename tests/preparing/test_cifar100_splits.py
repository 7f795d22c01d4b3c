"""CIFAR-FS and FC100 out of a CIFAR-100 that has two training images and one test image a class."""

from __future__ import annotations

import pickle
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from mindtune.data.datasets import create_dataset
from mindtune.data.datasets.packaged_table import packaged_table
from mindtune.data.preparing import cifar100_splits
from mindtune.data.preparing.cifar100_splits import prepare_cifar_fs, prepare_fc100
from mindtune.errors import DataError

FINE = sorted(packaged_table("cifar_fs_splits.tsv"))
COARSE = sorted(packaged_table("fc100_splits.tsv"))
COPIES = {"train": 2, "test": 1}


@lru_cache(maxsize=1)
def batches() -> dict[str, dict[bytes, object]]:
    """Class f belongs to superclass f % 20; its images are filled with f and their number."""
    made = {}
    for split, copies in COPIES.items():
        labels = [f for f in range(100) for _ in range(copies)]
        pixels = np.zeros((len(labels), 3, 1024), np.uint8)
        pixels[:, 0], pixels[:, 1] = np.array(labels)[:, None], np.arange(len(labels))[:, None]
        coarse = [f % 20 for f in labels]
        made[split] = {b"fine_labels": labels, b"coarse_labels": coarse}
        made[split][b"data"] = pixels.reshape(-1, 3072)
    return made


@pytest.fixture(params=["python", "binary"])
def cifar(request, tmp_path, monkeypatch) -> Path:
    for name, spec in (("CIFAR100", {}), ("_COARSE", {"num_classes": 20})):
        counts = {"train": 200, "test": 100}
        patched = replace(getattr(cifar100_splits, name), counts=counts, **spec)
        monkeypatch.setattr(cifar100_splits, name, patched)
    for name in ("CIFAR_FS", "FC100"):
        spec = getattr(cifar100_splits, name)
        counts = {split: 3 * classes for split, classes in spec.split_classes.items()}
        monkeypatch.setattr(cifar100_splits, name, replace(spec, counts=counts))
    return write_python(tmp_path) if request.param == "python" else write_binary(tmp_path)


def write_python(folder: Path) -> Path:
    home = folder / "cifar-100-python"
    home.mkdir()
    for split, content in batches().items():
        (home / split).write_bytes(pickle.dumps(content, protocol=2))
    names = {"fine": FINE, "coarse": COARSE}
    meta = {f"{k}_label_names".encode(): [n.encode() for n in v] for k, v in names.items()}
    (home / "meta").write_bytes(pickle.dumps(meta, protocol=2))
    return folder


def write_binary(folder: Path) -> Path:
    home = folder / "cifar-100-binary"
    home.mkdir()
    for split, content in batches().items():
        rows = zip(content[b"coarse_labels"], content[b"fine_labels"], content[b"data"])
        records = b"".join(bytes([c, f]) + p.tobytes() for c, f, p in rows)
        (home / f"{split}.bin").write_bytes(records)
    for level, names in (("fine", FINE), ("coarse", COARSE)):
        (home / f"{level}_label_names.txt").write_text("\n".join(names) + "\n")
    return folder


def test_cifar_fs(cifar, tmp_path):
    lines: list[str] = []
    prepare_cifar_fs(cifar, tmp_path / "out", 2, lines.append)
    table = packaged_table("cifar_fs_splits.tsv")
    for split, classes in (("train", 64), ("val", 16), ("test", 20)):
        source = create_dataset("few_shot_folder", tmp_path / "out", split)
        assert set(source.class_names) == {c for c, s in table.items() if s == split}
        assert len(source.class_names) == classes
        for index in range(len(source)):
            fine = FINE.index(source.class_names[source.labels[index]])
            assert np.asarray(source.load(index))[0, 0, 0] == fine
    assert lines == [f"{tmp_path / 'out'}: train 192, test 60, val 48"]
    whale = sorted(path.name for path in (tmp_path / "out" / "test" / "whale").iterdir())
    place = FINE.index("whale")
    assert whale == [f"test_{place:05d}.png", *(f"train_{2 * place + i:05d}.png" for i in (0, 1))]


def test_fc100_deals_superclasses(cifar, tmp_path):
    prepare_fc100(cifar, tmp_path / "out", 2, lambda line: None)
    table = packaged_table("fc100_splits.tsv")
    for split, classes in (("train", 60), ("val", 20), ("test", 20)):
        source = create_dataset("few_shot_folder", tmp_path / "out", split)
        superclasses = {COARSE[FINE.index(name) % 20] for name in source.class_names}
        assert superclasses == {c for c, s in table.items() if s == split}
        assert (len(source.class_names), len(source)) == (classes, 3 * classes)


def test_other_names_are_refused(tmp_path, cifar, monkeypatch):
    monkeypatch.setattr(cifar100_splits, "packaged_table", lambda file: {"apple": "train"})
    with pytest.raises(DataError, match=r"differ from the official ones at 'aquarium_fish'"):
        prepare_cifar_fs(cifar, tmp_path / "out", 2, print)
    assert not (tmp_path / "out").exists()
