"""Random damage: every outcome is a normal result or a WeightsError, and nothing runs."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindtune.errors import WeightsError
from mindtune.weights.names import to_timm
from mindtune.weights.readers import read_tensors

ROUNDS = 150
FILES = {  # bytes from the start, or from the end if negative, where most of the damage goes
    "b_timm_vit/small_legacy_format.pth": 6200,
    "b_timm_vit/small_bf16.safetensors": 2600,
    "c_augreg/small_opt_target_prefix.npz": -3000,
    "b_timm_vit/small_dataparallel.pth": -3000,
    "bad/malicious_legacy_format.pth": 900,
}
PICKLES = [
    "b_timm_vit/dino_training.pth",
    "bad/malicious_os_system.pth",
    "bad/malicious_numpy_gadget.pth",
]


def damage(content: bytes, hot: int, rng: random.Random) -> bytes:
    """Cut the file, or flip, replace, delete or insert a few bytes."""
    if rng.random() < 0.15:
        return content[: rng.randrange(len(content))]
    damaged = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 8])):
        span = min(abs(hot), len(damaged))
        place = rng.randrange(span) if rng.random() < 0.8 else rng.randrange(len(damaged))
        place = len(damaged) - 1 - place if hot < 0 else place
        kind = rng.random()
        if kind < 0.5:
            damaged[place] ^= 1 << rng.randrange(8)
        elif kind < 0.8:
            damaged[place] = rng.choice([0, 127, 128, 255, rng.randrange(256)])
        elif kind < 0.9:
            del damaged[place : place + rng.choice([1, 2, 4])]
        else:
            damaged[place:place] = rng.randbytes(rng.choice([1, 4]))
    return bytes(damaged)


def outcome(path: Path) -> str:
    """Read everything; anything but a result or a WeightsError fails the test."""
    try:
        tensors = to_timm(read_tensors(path).tensors).tensors
    except WeightsError:
        return "refused"
    return f"read {sum(array.size for array in tensors.values())}"


@pytest.mark.usefixtures("marker")
@pytest.mark.parametrize("name", FILES)
def test_damaged_files(data: Path, tmp_path: Path, name: str) -> None:
    content = (data / name).read_bytes()
    rng = random.Random(name)
    path = tmp_path / "damaged"
    outcomes = set()
    for _ in range(ROUNDS):
        path.write_bytes(damage(content, FILES[name], rng))
        outcomes.add(outcome(path))
    assert "refused" in outcomes


@pytest.mark.usefixtures("marker")
def test_damaged_mindspore_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "net.ckpt"
    arrays = {"norm.gamma": np.arange(6, dtype=np.float32), "half": np.ones(3, np.float16)}
    tensors = [{"name": name, "data": Tensor(array)} for name, array in arrays.items()]
    ms.save_checkpoint(tensors, str(path), append_dict={"arch": "vit"})
    content = path.read_bytes()
    rng = random.Random(5)
    outcomes = set()
    for _ in range(ROUNDS):
        path.write_bytes(damage(content, len(content), rng))
        outcomes.add(outcome(path))
    assert "refused" in outcomes


@pytest.mark.usefixtures("marker")
@pytest.mark.parametrize("name", PICKLES)
def test_damaged_pickle_in_a_whole_archive(
    data: Path, torch_zip: Callable[..., Path], name: str
) -> None:
    """The archive's checksum would catch the damage first; here it is right."""
    with zipfile.ZipFile(data / name) as archive:
        inside = next(member for member in archive.namelist() if member.endswith("data.pkl"))
        pickled = archive.read(inside)
    rng = random.Random(name)
    assert {outcome(torch_zip(damage(pickled, len(pickled), rng))) for _ in range(ROUNDS)}
