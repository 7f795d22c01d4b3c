"""Broken and hostile files are refused by name, and nothing in them runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from mindtune.errors import WeightsError
from mindtune.weights.readers import read_tensors

DATA = Path(__file__).parents[1] / "data" / "weights" / "bad"

MESSAGES = {
    "empty.ckpt": "is empty",
    "empty.pth": "is empty",
    "empty.safetensors": "is empty",
    "huge_header_length.safetensors": "damaged or truncated safetensors",
    "malicious_builtins_exec.pth": "asks to call builtins.exec",
    "malicious_legacy_format.pth": "asks to call builtins.exec",
    "malicious_numpy_gadget.pth": "asks to call numpy.testing._private.utils.runstring",
    "malicious_object_array.npz": "array of Python objects",
    "malicious_os_system.pth": "asks to call posix.system",
    "malicious_plain_pickle.pth": "asks to call posix.system",
    "overlapping_offsets.safetensors": "damaged or truncated safetensors",
    "shape_offset_mismatch.safetensors": "damaged or truncated safetensors",
    "text_renamed.ckpt": "is a text file, expected a MindSpore checkpoint",
    "text_renamed.pth": "is a web page (text), expected a torch file",
    "truncated.npz": "cut short",
    "truncated.pth": "cut short",
    "truncated_data.safetensors": "truncated",
    "truncated_header.safetensors": "truncated",
    "truncated_legacy.pth": "cut short",
    "view_larger_than_storage.pth": "does not lie within its storage of 4 elements",
}


def test_every_bad_file_has_its_case() -> None:
    assert {path.name for path in DATA.iterdir()} == set(MESSAGES)


@pytest.mark.usefixtures("marker")
@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_bad_file_is_refused_with_its_name_and_fault(name: str) -> None:
    with pytest.raises(WeightsError) as caught:
        read_tensors(DATA / name)
    message = str(caught.value)
    assert message.startswith(f"weights {DATA / name}: ")
    assert MESSAGES[name] in message


def test_the_hostile_files_are_armed(marker: Path) -> None:
    """Without this, the marker's absence would prove nothing."""
    import pickle

    with (DATA / "malicious_plain_pickle.pth").open("rb") as file:
        pickle.load(file)
    assert marker.exists()
    marker.unlink()
