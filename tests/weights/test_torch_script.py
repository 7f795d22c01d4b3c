"""TorchScript archives: the tensors of OpenAI's CLIP, and nothing else of them."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mindtune.errors import WeightsError
from mindtune.weights.readers import read_tensors

SIZES = {"input_resolution", "context_length", "vocab_size"}


@pytest.mark.parametrize("tower", ["vit", "rn"])
def test_archive_holds_the_tensors_of_the_state_dict(data: Path, tower: str) -> None:
    script = read_tensors(data / "d_clip" / f"openai_{tower}_jit.pt")
    plain = read_tensors(data / "d_clip" / f"openai_{tower}.pt")
    assert script.layout == "torch_script"
    assert set(script.tensors) - set(plain.tensors) == SIZES
    for name, array in plain.tensors.items():
        np.testing.assert_array_equal(script.tensors[name], array, err_msg=name)
    assert script.elements == {**plain.elements, **dict.fromkeys(SIZES, "int64")}


def test_a_module_of_it_can_be_chosen(data: Path) -> None:
    file = read_tensors(data / "d_clip" / "openai_vit_jit.pt", "visual.transformer")
    assert file.key == "visual.transformer"
    assert "resblocks.1.attn.in_proj_weight" in file.tensors
    assert all(name.startswith("resblocks.") for name in file.tensors)


class Opcodes:
    """A pickle made opcode by opcode, as TorchScript writes it."""

    MODULE = b"c__torch__.a\nB\n)\x81"  # an object of the class __torch__.a.B

    @staticmethod
    def text(word: str) -> bytes:
        return b"X" + len(word).to_bytes(4, "little") + word.encode()


def chain(depth: int, doubled: bool) -> bytes:
    """A module in a module ..., each the child of the next under one name or under two."""
    inner = Opcodes.MODULE + b"}" + Opcodes.text("leaf") + b"K\x01sb"
    for _ in range(depth):
        attributes = Opcodes.text("a") + b"h\x00s"
        if doubled:
            attributes += Opcodes.text("b") + b"h\x00s"
        inner = inner + b"q\x000" + Opcodes.MODULE + b"}" + attributes + b"b"
    return b"\x80\x02" + inner + b"."


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (pickle.dumps({"a": 1}, 2), "without a module"),
        (chain(300, doubled=False), "contain themselves or too much"),
        (chain(60, doubled=True), "contain themselves or too much"),
        (  # a module which is its own child
            b"\x80\x02" + Opcodes.MODULE + b"q\x00}" + Opcodes.text("a") + b"h\x00sb.",
            "contain themselves or too much",
        ),
        (chain(3, doubled=False), "holds no dict of tensors"),
        (b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00ls\x85R.", "asks to call posix.system"),
        (b"\x80\x02" + Opcodes.MODULE + b"(X\x01\x00\x00\x00atR.", "damaged"),
    ],
    ids=["no module", "deep", "doubling", "own child", "no tensor", "call", "module called"],
)
def test_hostile_archives_are_refused(tmp_path: Path, pickled: bytes, message: str) -> None:
    path = tmp_path / "script.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", pickled)
        archive.writestr("m/constants.pkl", pickle.dumps((), 2))
    with pytest.raises(WeightsError) as caught:
        read_tensors(path)
    assert message in str(caught.value)


def test_truncated_archive_is_refused(data: Path, tmp_path: Path) -> None:
    content = (data / "d_clip" / "openai_vit_jit.pt").read_bytes()
    path = tmp_path / "cut.pt"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match="cut short"):
        read_tensors(path)


def test_constants_of_the_code_are_never_unpickled(tmp_path: Path, data: Path) -> None:
    """The archive's other pickles may say what they like."""
    path = tmp_path / "changed.pt"
    source = zipfile.ZipFile(data / "d_clip" / "openai_vit_jit.pt")
    with source, zipfile.ZipFile(path, "w") as archive:
        for name in source.namelist():
            hostile = name.endswith(("constants.pkl", "traced_inputs.pkl"))
            archive.writestr(name, b"cposix\nsystem\n." if hostile else source.read(name))
    assert "visual.conv1.weight" in read_tensors(path).tensors
