"""Members of a zip archive (torch, NumPy .npz), those stored uncompressed without a copy."""

from __future__ import annotations

import mmap
import struct
import zipfile
import zlib
from pathlib import Path

from mindtune.weights.weight_file import MalformedError

_LOCAL_HEADER = struct.Struct("<4s22xHH")  # magic, ..., length of name, length of extra field
_MAX_INFLATION = 64  # weights hardly compress; more than this is a zip bomb
_ALWAYS_ALLOWED = 64 << 20
_DAMAGED = "is a damaged zip archive ({}); download or copy it again"
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,  # an encrypted member
    ValueError,
    OverflowError,
    EOFError,
    OSError,
)


class Archive:
    """Read access to the members of a zip file.

    Attributes:
        names: member names in the order of the archive's directory.
    """

    def __init__(self, path: Path, content: mmap.mmap) -> None:
        self._path = path
        self._content = memoryview(content)
        try:
            with zipfile.ZipFile(path) as archive:
                self._members = {info.filename: info for info in archive.infolist()}
        except zipfile.BadZipFile as error:
            raise MalformedError(
                "begins as a zip archive (a torch or .npz file) but has no readable directory at "
                f"its end ({error}): it is cut short or damaged; download or copy it again"
            ) from error
        except _ZIP_ERRORS as error:
            raise MalformedError(_DAMAGED.format(error)) from error
        self.names = tuple(self._members)
        self._check_sizes()

    def read(self, name: str) -> memoryview:
        """The bytes of member ``name``, their checksum verified where the archive has one.

        Raises:
            MalformedError: no such member, or a damaged one.
        """
        info = self._members.get(name)
        if info is None:
            raise MalformedError(f"misses its part {name!r}; the file is damaged")
        if info.compress_type != zipfile.ZIP_STORED:
            return self._inflate(info)
        raw = self._stored(info)
        # torch can leave checksums out: it then writes 0
        if info.CRC and zlib.crc32(raw) != info.CRC:
            raise MalformedError(_DAMAGED.format(f"wrong checksum of {name!r}"))
        return raw

    def _check_sizes(self) -> None:
        size = len(self._content)
        stored = sum(info.compress_size for info in self._members.values())
        inflated = sum(info.file_size for info in self._members.values())
        if stored > size or inflated > max(_MAX_INFLATION * size, _ALWAYS_ALLOWED):
            raise MalformedError(
                f"is a zip archive whose members claim {inflated} bytes in a file of {size}; "
                "refused as damaged or hostile"
            )

    def _stored(self, info: zipfile.ZipInfo) -> memoryview:
        header = self._content[info.header_offset :][: _LOCAL_HEADER.size]
        if len(header) < _LOCAL_HEADER.size:
            raise MalformedError(_DAMAGED.format(f"{info.filename!r} lies outside the file"))
        magic, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        if magic != b"PK\x03\x04" or info.flag_bits & 1:
            raise MalformedError(_DAMAGED.format(f"{info.filename!r} has no readable header"))
        start = info.header_offset + _LOCAL_HEADER.size + name_length + extra_length
        raw = self._content[start : start + info.file_size]
        if len(raw) != info.file_size or info.compress_size != info.file_size:
            raise MalformedError(_DAMAGED.format(f"{info.filename!r} is cut short"))
        return raw

    def _inflate(self, info: zipfile.ZipInfo) -> memoryview:
        try:
            with zipfile.ZipFile(self._path) as archive:
                return memoryview(archive.read(info.filename))
        except _ZIP_ERRORS as error:
            raise MalformedError(_DAMAGED.format(error)) from error
