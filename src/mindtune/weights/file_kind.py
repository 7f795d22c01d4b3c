"""What a file is, by its first bytes; the suffix only helps to word the message."""

from __future__ import annotations

import mmap
from pathlib import Path

from mindtune.weights.archive import Archive
from mindtune.weights.ckpt_file import looks_like_ckpt
from mindtune.weights.weight_file import MalformedError

_BY_SUFFIX = {
    ".safetensors": "a safetensors file",
    ".ckpt": "a MindSpore checkpoint",
    ".npz": "a NumPy archive",
    ".pth": "a torch file",
    ".pt": "a torch file",
    ".tar": "a torch file (.pth.tar)",
    ".bin": "a torch file",
}
_ANY = "a weight file (.safetensors, .ckpt, .npz, .pth, .pt, .pth.tar or .bin)"
_FOREIGN = (  # first bytes, what they mean, cure
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "run git lfs pull"),
    (b"\x1f\x8b", "gzip-compressed", "unpack it with gunzip first"),
    (b"\x89HDF", "an HDF5 file (Keras)", "save it as .safetensors or .npz where it was made"),
    (b"\x93NUMPY", "a single NumPy array", "save all tensors together with numpy.savez"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it first"),
)
_TAR_MAGIC = slice(257, 262)


def recognise(path: Path, content: mmap.mmap) -> str:
    """The layout of a file, one of ``WeightFile.layout``.

    Raises:
        MalformedError: none of them; says what the file looks like instead.
    """
    head = content[:512]
    if head.startswith(b"PK\x03\x04"):
        return _zip_kind(path, content)
    is_braced = head[8:9] == b"{"
    # Some header lengths begin with the bytes of a pickle: a length that fits the file decides.
    if is_braced and int.from_bytes(head[:8], "little") <= len(content) - 8:
        return "safetensors"
    if head[:1] == b"\x80" and head[1:2] <= b"\x05":
        return "torch_legacy"
    if is_braced:
        return "safetensors"
    if looks_like_ckpt(content):
        return "ckpt"
    looks, cure = _describe(head)
    expected = _BY_SUFFIX.get(path.suffix.lower(), _ANY)
    raise MalformedError(f"is {looks}, expected {expected}; {cure}")


def _zip_kind(path: Path, content: mmap.mmap) -> str:
    names = Archive(path, content).names
    if any(name == "data.pkl" or name.endswith("/data.pkl") for name in names):
        is_script = any(
            name == "constants.pkl" or name.endswith("/constants.pkl") for name in names
        )
        return "torch_script" if is_script else "torch_zip"
    if any(name.endswith(".npy") for name in names):
        return "npz"
    raise MalformedError(
        f"is a zip archive without weights (it begins with {', '.join(names[:3]) or 'nothing'}), "
        f"expected {_BY_SUFFIX.get(path.suffix.lower(), _ANY)}; if weights are inside, unpack it"
    )


def _describe(head: bytes) -> tuple[str, str]:
    """What a foreign file looks like, and the cure."""
    for magic, meaning, cure in _FOREIGN:
        if head.startswith(magic):
            return meaning, cure
    if head[_TAR_MAGIC] == b"ustar":
        return "a tar archive", "unpack it (torch < 0.2 files: save them again with torch >= 1.6)"
    text = head.decode("utf-8", errors="ignore")
    if len(text.encode()) >= len(head) - 3 and all(c.isprintable() or c.isspace() for c in text):
        if text.lstrip()[:1] == "<":
            return "a web page (text)", "the download failed; download it again"
        return "a text file", "give the weight file itself"
    return f"of an unknown kind (first bytes {head[:8].hex(' ')})", "check that it is complete"
