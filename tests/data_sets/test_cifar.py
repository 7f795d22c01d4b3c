from __future__ import annotations

import io
import os
import pickle
import struct
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mindtune.data.datasets.cifar10 import CIFAR10, load_cifar10
from mindtune.data.datasets.cifar100 import CIFAR100, load_cifar100
from mindtune.errors import DataError

BATCHES = [f"data_batch_{number}" for number in range(1, 6)]
TEN = replace(CIFAR10, num_classes=3, counts={"train": 10, "test": 2})
HUNDRED = replace(CIFAR100, num_classes=3, counts={"train": 6, "test": 2})
TEN_NAMES = ["airplane", "automobile", "bird"]
HUNDRED_NAMES = ["apple", "aquarium_fish", "baby"]


def python2_pickle(value) -> bytes:
    """Protocol 2 as Python 2 wrote it: byte strings as such, arrays by ``_reconstruct``."""

    def item(value) -> bytes:
        if isinstance(value, bytes):
            short = len(value) < 256
            return (
                b"U" + bytes([len(value)]) if short else b"T" + struct.pack("<i", len(value))
            ) + value
        if isinstance(value, int):
            return b"J" + struct.pack("<i", value)
        if isinstance(value, list):
            return b"](" + b"".join(map(item, value)) + b"e"
        if isinstance(value, dict):
            return b"}(" + b"".join(item(k) + item(v) for k, v in value.items()) + b"u"
        shape = item(value.shape[0]) + item(value.shape[1]) + b"\x86"
        empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNN" + item(-1) * 2 + b"K\x00tb"
        return empty + b"(K\x01" + shape + dtype + b"\x89" + item(value.tobytes()) + b"tb"

    return b"\x80\x02" + item(value) + b"."


def python3_pickle(value) -> bytes:
    return pickle.dumps(value, protocol=2)


def make_batch(count: int, seed: int) -> tuple[np.ndarray, list[int]]:
    rng = np.random.RandomState(seed)
    pixels = rng.randint(0, 256, (count, 3072), dtype=np.uint8)
    return pixels, [int(label) for label in rng.randint(0, 3, count)]


def cifar10_files(form: str, dump=python2_pickle) -> dict[str, bytes]:
    """Five train batches of two images and one test batch of two, in one of the two forms."""
    files = {}
    for seed, name in enumerate([*BATCHES, "test_batch"]):
        pixels, labels = make_batch(2, seed)
        if form == "python":
            content = {b"batch_label": b"mini", b"labels": labels, b"data": pixels}
            files[name] = dump({**content, b"filenames": [b"a.png", b"b.png"]})
        else:
            files[f"{name}.bin"] = b"".join(
                bytes([label]) + row.tobytes() for label, row in zip(labels, pixels)
            )
    names = [name.encode() for name in TEN_NAMES]
    meta = {b"num_cases_per_batch": 2, b"label_names": names, b"num_vis": 3072}
    if form == "python":
        return {**files, "batches.meta": dump(meta)}
    return {**files, "batches.meta.txt": b"\n".join(names) + b"\n\n"}


def cifar100_files(form: str, dump=python2_pickle) -> dict[str, bytes]:
    """Six train images and two test ones; coarse labels are wrong on purpose."""
    files = {}
    for split, count, seed in (("train", 6, 0), ("test", 2, 1)):
        pixels, labels = make_batch(count, seed)
        coarse = [19] * count
        if form == "python":
            content = {b"fine_labels": labels, b"coarse_labels": coarse, b"data": pixels}
            files[split] = dump(content)
        else:
            files[f"{split}.bin"] = b"".join(
                bytes([19, label]) + row.tobytes() for label, row in zip(labels, pixels)
            )
    names = [name.encode() for name in HUNDRED_NAMES]
    if form == "python":
        return {**files, "meta": dump({b"fine_label_names": names, b"coarse_label_names": []})}
    return {**files, "fine_label_names.txt": b"\n".join(names) + b"\n"}


FOLDERS = {
    ("cifar10", "python"): "cifar-10-batches-py",
    ("cifar10", "binary"): "cifar-10-batches-bin",
    ("cifar100", "python"): "cifar-100-python",
    ("cifar100", "binary"): "cifar-100-binary",
}
ARCHIVES = {
    ("cifar10", "python"): "cifar-10-python.tar.gz",
    ("cifar10", "binary"): "cifar-10-binary.tar.gz",
    ("cifar100", "python"): "cifar-100-python.tar.gz",
    ("cifar100", "binary"): "cifar-100-binary.tar.gz",
}


def write_folder(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def write_archive(path: Path, folder: str, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {**files, "readme.html": b"<html>"}.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("place", ["parent", "itself", "archive parent", "archive"])
@pytest.mark.parametrize("form", ["python", "binary"])
@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_images_and_labels_of_every_official_form(name, form, place, tmp_path):
    files = cifar10_files(form) if name == "cifar10" else cifar100_files(form)
    folder = FOLDERS[name, form]
    if place.startswith("archive"):
        path = write_archive(tmp_path / ARCHIVES[name, form], folder, files)
    else:
        path = write_folder(tmp_path / folder, files)
    root = tmp_path if place.endswith("parent") else path
    load, spec = (load_cifar10, TEN) if name == "cifar10" else (load_cifar100, HUNDRED)
    seeds = {"train": range(5), "test": [5]} if name == "cifar10" else {"train": [0], "test": [1]}
    for split, count in spec.counts.items():
        source = load(spec, root, split)
        batches = [make_batch(count // len(seeds[split]), seed) for seed in seeds[split]]
        assert source.labels.tolist() == [label for _, labels in batches for label in labels]
        assert source.labels.dtype == np.int32
        rows = np.concatenate([pixels for pixels, _ in batches])
        for index, row in enumerate(rows):
            image = np.asarray(source.load(index))
            assert image.shape == (32, 32, 3)
            # the files hold three whole planes, each row by row
            assert image[4, 9].tolist() == [
                row[4 * 32 + 9 + 1024 * channel] for channel in range(3)
            ]
        assert source.class_names == tuple(TEN_NAMES if name == "cifar10" else HUNDRED_NAMES)
        assert source.describe(1) == f"{name}/{split} image 1"


def test_our_python2_pickles_are_true_ones():
    pixels, labels = make_batch(2, 0)
    value = pickle.loads(python2_pickle({b"data": pixels, b"labels": labels}), encoding="bytes")
    assert np.array_equal(value[b"data"], pixels)
    assert value[b"labels"] == labels


def test_pickles_written_by_python_3(tmp_path):
    write_folder(tmp_path / "cifar-10-batches-py", cifar10_files("python", python3_pickle))
    assert load_cifar10(TEN, tmp_path, "test").labels.tolist() == make_batch(2, 5)[1]


class _Malicious:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("key", [b"data", b"labels", b"extra"])
def test_a_malicious_pickle_is_refused_and_not_run(key, tmp_path):
    files = cifar10_files("python")
    pixels, labels = make_batch(2, 0)
    batch = {b"data": pixels, b"labels": labels, key: _Malicious(tmp_path / "executed")}
    files["data_batch_3"] = pickle.dumps(batch, protocol=2)
    write_folder(tmp_path / "cifar-10-batches-py", files)
    with pytest.raises(DataError, match=r"data_batch_3: .*asks for posix\.mkdir.*nothing in it"):
        load_cifar10(TEN, tmp_path, "train")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"cnumpy\nload\n(V/tmp/x\ntR.", id="another numpy function"),
        pytest.param(b"\x80\x04\x8c\x05numpy\x8c\x0dndarray.dumps\x93.", id="dotted name"),
        pytest.param(b"cbuiltins\neval\n(V1\ntR.", id="eval"),
        pytest.param(b"\x82\x01.", id="extension registry"),
        pytest.param(b"Pid\n.", id="persistent id"),
        pytest.param(b"c_codecs\nencode\n(Vabc\nVrot13\ntR.", id="another codec"),
        pytest.param(pickle.dumps({b"data": np.zeros(2, dtype=object)}, 2), id="object array"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\x80\x02}q", id="truncated"),
        pytest.param(b"not a pickle", id="text"),
    ],
)
def test_other_pickles_are_refused(content, tmp_path):
    files = cifar10_files("python")
    files["test_batch"] = content
    write_folder(tmp_path / "cifar-10-batches-py", files)
    with pytest.raises(DataError, match=r"test_batch: got a pickle that is not read"):
        load_cifar10(TEN, tmp_path, "test")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1, 2], "got a pickled list, expected the dictionary"),
        ({b"data": make_batch(2, 0)[0]}, "without matching data and labels"),
        ({b"data": make_batch(2, 0)[0], b"labels": [1]}, "without matching data and labels"),
        ({b"data": make_batch(2, 0)[0], b"labels": [b"1", b"2"]}, "without matching data"),
        ({b"data": make_batch(2, 0)[0][:, :-1], b"labels": [1, 2]}, "without matching data"),
        ({b"data": make_batch(2, 0)[0], b"labels": [0, 3]}, "got labels 0 to 3 .*expected 0 to 2"),
    ],
)
def test_batches_of_the_wrong_kind(value, message, tmp_path):
    files = cifar10_files("python")
    files["test_batch"] = python2_pickle(value)
    write_folder(tmp_path / "cifar-10-batches-py", files)
    with pytest.raises(DataError, match=message):
        load_cifar10(TEN, tmp_path, "test")


def test_class_names_of_the_wrong_kind(tmp_path):
    files = {**cifar10_files("python"), "batches.meta": python2_pickle({b"num_vis": 3072})}
    write_folder(tmp_path / "cifar-10-batches-py", files)
    with pytest.raises(DataError, match=r"batches\.meta: got no list label_names"):
        load_cifar10(TEN, tmp_path, "test")


def test_a_binary_file_cut_off(tmp_path):
    files = cifar10_files("binary")
    files["test_batch.bin"] = files["test_batch.bin"][:-1]
    write_folder(tmp_path / "cifar-10-batches-bin", files)
    with pytest.raises(DataError, match=r"test_batch\.bin: got 6,145 bytes.*multiple of 3,073"):
        load_cifar10(TEN, tmp_path, "test")


@pytest.mark.parametrize("missing", ["data_batch_4", "batches.meta"])
def test_a_half_unpacked_folder_names_what_is_missing(missing, tmp_path):
    files = cifar10_files("python")
    del files[missing]
    write_folder(tmp_path / "cifar-10-batches-py", files)
    with pytest.raises(DataError, match=rf"cifar-10-batches-py without {missing}.*half-unpacked"):
        load_cifar10(TEN, tmp_path, "train")


def test_an_archive_cut_off(tmp_path):
    path = write_archive(
        tmp_path / "cifar-10-python.tar.gz", "cifar-10-batches-py", cifar10_files("python")
    )
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(DataError, match=r"cifar-10-python\.tar\.gz: got an archive that cannot"):
        load_cifar10(TEN, tmp_path, "train")


def test_an_archive_that_lacks_a_file(tmp_path):
    files = cifar100_files("binary")
    del files["test.bin"]
    write_archive(tmp_path / "cifar-100-binary.tar.gz", "cifar-100-binary", files)
    with pytest.raises(DataError, match=r"an archive without test\.bin, expected test\.bin, fine"):
        load_cifar100(HUNDRED, tmp_path, "test")


def test_counts_are_compared_with_the_official_ones(tmp_path):
    write_folder(tmp_path / "cifar-10-batches-py", cifar10_files("python"))
    with pytest.raises(DataError, match=r"got 3 classes in .*batches\.meta, expected 10"):
        load_cifar10(CIFAR10, tmp_path, "train")
    with pytest.raises(
        DataError, match=r"'train': got 10 images in .*cifar-10-batches-py, expected 50,000"
    ):
        load_cifar10(replace(CIFAR10, num_classes=3), tmp_path, "train")
