"""The pieces and merges of a byte-pair vocabulary, from the files that come with CLIPs."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindtune.errors import WeightsError
from mindtune.files import write_atomically

TOKENIZER_JSON = "tokenizer.json"
OPENAI_FILE = "bpe_simple_vocab_16e6.txt.gz"
_PAIR = ("vocab.json", "merges.txt")
START, END = "<|startoftext|>", "<|endoftext|>"
END_OF_WORD = "</w>"

_OPENAI_MERGES = 48_894  # of the 262,144 in OpenAI's file
_GZIP = b"\x1f\x8b"
_CURE = f"give CLIP's {TOKENIZER_JSON} or OpenAI's {OPENAI_FILE} as --text.tokenizer"


@dataclass(frozen=True)
class Vocabulary:
    """Byte pairs.

    Attributes:
        ids: number of every piece; bytes are written as in GPT-2, ends of words as ``</w>``.
        merges: pairs of pieces, the first to be merged first.
        source: the file, for messages.

    Raises:
        WeightsError: a merge of or to a piece that has no number, no mark of start and end, or an
            end that is not the largest number, by which CLIP finds it.
    """

    ids: Mapping[str, int]
    merges: Sequence[tuple[str, str]]
    source: Path

    def __post_init__(self) -> None:
        for left, right in self.merges:
            absent = [piece for piece in (left, right, left + right) if piece not in self.ids]
            if absent:
                raise WeightsError(
                    f"{self.source}: got the merge {left!r} {right!r} without a number for "
                    f"{absent[0]!r}, expected a whole vocabulary; download it again"
                )
        for mark in (START, END):
            if mark not in self.ids:
                raise WeightsError(
                    f"{self.source}: got a vocabulary without {mark}, expected a CLIP's; {_CURE}"
                )
        if self.ids[END] != len(self) - 1:
            raise WeightsError(
                f"{self.source}: got {self.ids[END]} for {END}, expected the largest number "
                f"({len(self) - 1}), by which CLIP finds the end of a text; {_CURE}"
            )

    def __len__(self) -> int:
        """One more than the largest number, 49,408 in OpenAI's."""
        return max(self.ids.values()) + 1


def read_vocabulary(path: Path) -> Vocabulary:
    """Read ``tokenizer.json``, OpenAI's merges (packed or not), or the first of them in a folder.

    A folder may hold Hugging Face's older pair ``vocab.json`` and ``merges.txt`` instead.

    Raises:
        WeightsError: nothing there, unreadable, or no byte-pair vocabulary of a CLIP.
    """
    if not path.exists():
        raise WeightsError(f"text tokeniser {path}: there is no such file or folder; {_CURE}")
    try:
        if path.is_dir():
            return _read_folder(path)
        if path.suffix == ".json":
            return _from_tokenizer_json(path)
        return _from_openai(path)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise WeightsError(f"text tokeniser {path}: cannot be read ({error}); {_CURE}") from error


def has_vocabulary(folder: Path) -> bool:
    """Whether ``folder`` holds one of the files that ``read_vocabulary`` looks for."""
    return _find(folder) is not None


def write_vocabulary(vocabulary: Vocabulary, folder: Path) -> None:
    """Write ``folder/tokenizer.json``, which ``read_vocabulary`` reads again.

    Raises:
        CheckpointError: it cannot be written.
    """
    merges = [" ".join(merge) for merge in vocabulary.merges]
    model = {"type": "BPE", "end_of_word_suffix": END_OF_WORD, "vocab": dict(vocabulary.ids)}
    content = {"version": "1.0", "model": {**model, "merges": merges}}
    text = json.dumps(content, ensure_ascii=False)
    write_atomically(folder / TOKENIZER_JSON, text.encode())


def _find(folder: Path) -> Callable[[Path], Vocabulary] | None:
    if (folder / TOKENIZER_JSON).is_file():
        return lambda home: _from_tokenizer_json(home / TOKENIZER_JSON)
    if all((folder / name).is_file() for name in _PAIR):
        return _from_pair
    if (folder / OPENAI_FILE).is_file():
        return lambda home: _from_openai(home / OPENAI_FILE)
    return None


def _read_folder(folder: Path) -> Vocabulary:
    read = _find(folder)
    if read is None:
        raise WeightsError(
            f"text tokeniser {folder}: got a folder without {TOKENIZER_JSON}, "
            f"{' and '.join(_PAIR)}, or {OPENAI_FILE}, expected one of them; {_CURE}"
        )
    return read(folder)


def _from_tokenizer_json(path: Path) -> Vocabulary:
    """What the ``tokenizers`` library writes; merges are strings or, of late, pairs."""
    model = _json_of(path).get("model")
    ids, merges = (model.get(key) for key in ("vocab", "merges")) if model else (None, None)
    if not isinstance(ids, dict) or not isinstance(merges, list):
        raise WeightsError(
            f"text tokeniser {path}: got no model with vocab and merges, expected byte pairs; "
            f"{_CURE}"
        )
    return Vocabulary(ids, [_pair(path, merge) for merge in merges], path)


def _from_pair(folder: Path) -> Vocabulary:
    """``vocab.json`` and ``merges.txt``, whose first line is a comment."""
    lines = (folder / _PAIR[1]).read_text("utf-8").splitlines()
    merges = [line for line in lines if line and not line.startswith("#version")]
    path = folder / _PAIR[0]
    return Vocabulary(_json_of(path), [_pair(path, merge) for merge in merges], folder)


def _from_openai(path: Path) -> Vocabulary:
    """The merges; the numbers are 256 bytes, the same as ends of words, the merges, two marks."""
    content = path.read_bytes()
    unpacked = gzip.decompress(content) if content.startswith(_GZIP) else content
    lines = unpacked.decode("utf-8").splitlines()[1 : 1 + _OPENAI_MERGES]
    if len(lines) < _OPENAI_MERGES:
        raise WeightsError(
            f"text tokeniser {path}: got {len(lines):,} merges, expected {_OPENAI_MERGES:,} or "
            f"more; {_CURE}"
        )
    merges = [_pair(path, line) for line in lines]
    letters = _byte_letters()
    pieces = [*letters, *(letter + END_OF_WORD for letter in letters)]
    pieces += [left + right for left, right in merges]
    ids = {piece: number for number, piece in enumerate([*pieces, START, END])}
    return Vocabulary(ids, merges, path)


def _byte_letters() -> list[str]:
    """GPT-2's letters of the 256 bytes, ascending: printable Latin-1 ones, then from U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(code) for code in [*printable, *range(0x100, 0x100 + 256 - len(printable))]]


def _pair(path: Path, merge: Any) -> tuple[str, str]:
    parts = merge.split(" ") if isinstance(merge, str) else merge
    if not isinstance(parts, list) or len(parts) != 2:
        raise WeightsError(
            f"text tokeniser {path}: got {merge!r} among its merges, expected two pieces; {_CURE}"
        )
    return parts[0], parts[1]


def _json_of(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"text tokeniser {path}: is no JSON ({error}); {_CURE}") from error
    if not isinstance(content, dict):
        raise WeightsError(f"text tokeniser {path}: got no JSON object, expected one; {_CURE}")
    return content
