"""Hugging Face folders: whole or in parts, or refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from mindtune.errors import WeightsError
from mindtune.weights.readers import read_tensors

TENSORS = {f"layer.{i}.weight": np.full((2, 3), i, np.float32) for i in range(4)}
PARTS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four tensors, two in each part."""
    names = sorted(TENSORS)
    for part, held in zip(PARTS, (names[:2], names[2:])):
        save_file({n: TENSORS[n] for n in held}, tmp_path / part, {"format": "pt"})
    write_index(tmp_path, {n: PARTS[i // 2] for i, n in enumerate(names)})
    return tmp_path


def write_index(folder: Path, weight_map: object) -> None:
    index = {"metadata": {"total_size": 96}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_parts_are_one_set_of_tensors(folder: Path) -> None:
    file = read_tensors(folder)
    assert set(file.tensors) == set(TENSORS)
    for name, array in TENSORS.items():
        np.testing.assert_array_equal(file.tensors[name], array)
    assert file.layout == "safetensors"
    assert file.path == folder
    assert set(file.elements.values()) == {"float32"}


def test_a_network_of_it_by_key(folder: Path) -> None:
    assert list(read_tensors(folder, "layer.2").tensors) == ["weight"]
    with pytest.raises(WeightsError, match="--pretrained_key: got 'teacher'"):
        read_tensors(folder, "teacher")


def test_whole_folder_is_its_file(data: Path) -> None:
    folder = data / "d_clip" / "hf_clip"
    assert read_tensors(folder).path == folder / "model.safetensors"


def test_parts_of_torch(tmp_path: Path, data: Path) -> None:
    source = data / "b_timm_vit" / "vit.pth"
    (tmp_path / "a.bin").write_bytes(source.read_bytes())
    names = dict.fromkeys(read_tensors(source).tensors, "a.bin")
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": names}))
    assert read_tensors(tmp_path).layout == "torch_zip"


@pytest.mark.parametrize(
    ("weight_map", "message"),
    [
        ({"layer.0.weight": "../secret.safetensors"}, "it names the part '../secret.safetensors'"),
        ({"layer.0.weight": "/etc/passwd"}, "it names the part '/etc/passwd'"),
        ({"layer.0.weight": 3}, "it names the part 3"),
        ({"layer.0.weight": "absent.safetensors"}, "misses 1 of its 1 parts: absent.safetensors"),
        ({}, "has no weight_map"),
        ([1], "has no weight_map"),
        ({"other": PARTS[0]}, f"has a part {PARTS[0]} which lacks 'other'"),
        ({"layer.0.weight": PARTS[0]}, f"{PARTS[0]} which holds besides 'layer.1.weight'"),
    ],
)
def test_index_that_does_not_fit_is_refused(folder: Path, weight_map, message: str) -> None:
    write_index(folder, weight_map)
    with pytest.raises(WeightsError) as caught:
        read_tensors(folder)
    assert str(caught.value).startswith(f"weights {folder}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize("content", ["", "{", "[" * 100_000, "[]", "\x00"])
def test_index_that_is_no_json_is_refused(folder: Path, content: str) -> None:
    (folder / "model.safetensors.index.json").write_text(content)
    with pytest.raises(WeightsError, match="has a damaged model.safetensors.index.json"):
        read_tensors(folder)


def test_truncated_part_is_named(folder: Path) -> None:
    part = folder / PARTS[1]
    part.write_bytes(part.read_bytes()[:-4])
    with pytest.raises(WeightsError, match=f"{PARTS[1]}: is a damaged or truncated safetensors"):
        read_tensors(folder)
