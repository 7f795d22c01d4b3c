"""Good files of every kind give the same tensors."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from mindtune.errors import WeightsError
from mindtune.weights.names import to_timm
from mindtune.weights.readers import read_tensors

SMALL = "b_timm_vit/training_checkpoint.pth.tar"


def assert_equal(got: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert set(got) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(got[name], array, err_msg=name)


@pytest.mark.parametrize(
    ("file", "reference", "layout"),
    [
        ("b_timm_vit/vit.pth", "b_timm_vit/vit.safetensors", "torch_zip"),
        ("c_augreg/vit_augreg.npz", "b_timm_vit/vit.safetensors", "npz"),
        ("c_augreg/small_opt_target_prefix.npz", SMALL, "npz"),
        ("b_timm_vit/small_legacy_format.pth", SMALL, "torch_legacy"),
        ("b_timm_vit/small_dataparallel.pth", SMALL, "torch_zip"),
        ("a_hf_vit/v4_keys/model.safetensors", "a_hf_vit/v5_keys/model.safetensors", "safetensors"),
    ],
)
def test_same_network_in_another_format_gives_equal_tensors(
    data: Path, file: str, reference: str, layout: str
) -> None:
    got = read_tensors(data / file)
    expected = to_timm(read_tensors(data / reference).tensors).tensors
    assert got.layout == layout
    assert_equal(to_timm(got.tensors).tensors, expected)


def test_dtypes_and_values_of_a_safetensors_file_match_its_own_library(data: Path) -> None:
    from safetensors.numpy import load_file

    path = data / "b_timm_vit" / "vit.safetensors"
    got = read_tensors(path)
    assert_equal(got.tensors, load_file(path))
    assert got.metadata == {"format": "pt"}
    assert {a.dtype for a in got.tensors.values()} == {np.dtype(np.float32)}


def test_bfloat16_is_the_float32_network_cut_to_eight_bits(data: Path) -> None:
    half = read_tensors(data / "b_timm_vit" / "small_bf16.safetensors").tensors
    full = read_tensors(data / SMALL).tensors
    assert set(half) == set(full)
    for name, array in half.items():
        assert array.dtype == np.float32
        assert not (array.view(np.uint32) & 0xFFFF).any()
        np.testing.assert_allclose(array, full[name], rtol=2**-8, atol=1e-30)


def test_ema_weights_on_request_differ_from_the_raw_ones(data: Path) -> None:
    raw = read_tensors(data / SMALL)
    ema = read_tensors(data / SMALL, "state_dict_ema")
    assert (raw.key, ema.key) == ("state_dict", "state_dict_ema")
    assert set(raw.tensors) == set(ema.tensors)
    assert any(not np.array_equal(raw.tensors[n], ema.tensors[n]) for n in raw.tensors)
    assert raw.metadata["arch"] == "vit_tiny_custom"
    assert raw.metadata["epoch"] == "2"


@pytest.mark.parametrize("key", ["student", "teacher"])
def test_dino_networks_by_key(data: Path, key: str) -> None:
    tensors = to_timm(read_tensors(data / "b_timm_vit" / "dino_training.pth", key).tensors).tensors
    assert tensors["blocks.0.attn.qkv.weight"].shape == (54, 18)
    assert "head.mlp.0.weight" in tensors


def test_kind_is_recognised_by_content_not_by_suffix(data: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "weights.ckpt"
    shutil.copy(data / "b_timm_vit" / "vit.pth", renamed)
    assert read_tensors(renamed).layout == "torch_zip"


@pytest.mark.parametrize(
    ("file", "key", "message"),
    [
        (SMALL, "state_dict_emma", "did you mean 'state_dict_ema'"),
        ("b_timm_vit/dino_training.pth", None, "--pretrained_key teacher"),
        ("b_timm_vit/dino_training.pth", None, "student (26 tensors), teacher (26 tensors)"),
        ("b_timm_vit/vit.pth", "model", "leave --pretrained_key out"),
        ("b_timm_vit/vit.safetensors", "model", "leave the option out"),
    ],
)
def test_wrong_key_says_what_to_do(data: Path, file: str, key: str | None, message: str) -> None:
    with pytest.raises(WeightsError) as caught:
        read_tensors(data / file, key)
    assert message in str(caught.value)
    assert str(data / file) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("w.pth", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        ("w.npz", b"\x1f\x8b\x08\x00", "gunzip"),
        ("w.pth", bytes(257) + b"ustar" + bytes(300), "tar archive"),
        ("w.npz", b"\x93NUMPY\x01\x00", "single NumPy array"),
        ("w.safetensors", bytes(range(200, 240)), "expected a safetensors file"),
        ("w", b"\x00\xff\xfe\x07", "expected a weight file (.safetensors, .ckpt"),
    ],
)
def test_foreign_file_is_named_for_what_it_is(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        read_tensors(path)
    assert message in str(caught.value)


def test_folder_and_absent_file(data: Path, tmp_path: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"is a folder, expected a file; it holds vit_augreg|small"
    ):
        read_tensors(data / "c_augreg")
    with pytest.raises(WeightsError, match="no such file"):
        read_tensors(tmp_path / "absent.pth")


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.pth"
    os.mkfifo(pipe)
    with pytest.raises(WeightsError, match="no regular file"):
        read_tensors(pipe)


@pytest.mark.parametrize("length", [0x0280, 0x0380, 0x0580])
def test_a_safetensors_header_as_long_as_a_pickle_begins(tmp_path: Path, length: int) -> None:
    path = tmp_path / "w.safetensors"
    header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(length)
    value = np.array([2.5], np.float32)
    path.write_bytes(length.to_bytes(8, "little") + header + value.tobytes())
    np.testing.assert_array_equal(read_tensors(path).tensors["a"], value)
