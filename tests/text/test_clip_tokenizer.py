"""Token ids of OpenAI's tokeniser: from its own file, and from those of Hugging Face."""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from mindtune.data.datasets import imagenet_class_names
from mindtune.errors import DataError, UserError, WeightsError
from mindtune.text.clip_tokenizer import ClipTokenizer, clean_text
from mindtune.text.prompts import IMAGENET_TEMPLATES, prompts_for
from mindtune.text.vocabulary import OPENAI_FILE, Vocabulary, has_vocabulary, read_vocabulary

OPENAI = Path(__file__).parents[1] / "data" / "clip" / OPENAI_FILE
GOLDEN = {
    "itap of a tench.": (529, 2728, 539, 320, 1149, 634, 269),
    "a photo of the large great white shark.": (
        *(320, 1125, 539, 518, 3638, 830, 1579, 7980, 269),
    ),
    "art of the ram (adult male sheep).": (*(794, 539, 518, 2007, 263, 7115, 2801, 9629, 1818),),
    "a bad photo of the yellow lady's slipper.": (
        *(320, 2103, 1125, 539, 518, 4481, 2909, 568, 39644, 269),
    ),
}


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return read_vocabulary(OPENAI)


@pytest.fixture(scope="module")
def tokenizer(vocabulary) -> ClipTokenizer:
    return ClipTokenizer(vocabulary)


def test_golden_ids(tokenizer):
    ids = tokenizer(list(GOLDEN))
    assert ids.shape == (4, 77)
    assert ids.dtype == np.int32
    for row, text in zip(ids, GOLDEN):
        assert row[row > 0].tolist() == [49406, *GOLDEN[text], 49407]
        assert not row[len(GOLDEN[text]) + 2 :].any()


def test_odd_texts_are_cut_as_openais_code_cuts_them(tokenizer):
    for case in json.loads((OPENAI.parent / "texts.json").read_text()):
        (row,) = tokenizer([case["text"]])
        assert row[: len(case["ids"])].tolist() == case["ids"], case["text"]
        assert not row[len(case["ids"]) :].any()


def test_all_prompts_of_imagenet(tokenizer, vocabulary):
    names = imagenet_class_names()
    prompts = [prompt for name in names for prompt in prompts_for(name, IMAGENET_TEMPLATES)]
    ids = tokenizer(prompts)
    assert ids.shape == (7000, 77)
    assert int(ids.sum(dtype=np.int64)) == 919_996_125
    assert zlib.crc32(ids.astype("<i4").tobytes()) == 2_759_322_832
    assert len(vocabulary) == 49_408
    lengths = (ids > 0).sum(axis=1)
    longest = prompts[int(lengths.argmax())]
    assert (lengths.max(), longest) == (
        20,
        "a Mexican hairless dog (xoloitzcuintli) in a video game.",
    )


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("  A Photo\tof\n a  CAT ", "a photo of a cat"),
        ("rock &amp;amp; roll", "rock & roll"),
        ("caf\u00c3\u00a9", "caf\u00e9"),  # UTF-8 read as Latin-1
        ("\uff21 \u201ccat\u201d", 'a "cat"'),  # full width, curly quotes
    ],
)
def test_texts_are_cleaned_first(tokenizer, text, same_as):
    assert clean_text(text) == same_as
    np.testing.assert_array_equal(tokenizer([text]), tokenizer([same_as]))


def test_digits_stand_alone_and_bytes_are_pieces(tokenizer, vocabulary):
    pieces = {number: piece for piece, number in vocabulary.ids.items()}
    (row,) = tokenizer(["b52 \U0001f98b"])
    words = "".join(pieces[i] for i in row[row > 0][1:-1]).split("</w>")[:-1]
    assert words[:3] == ["b", "5", "2"]
    assert len(words) == 4  # the butterfly: four bytes, one word


def test_long_texts_are_refused_by_name(tokenizer):
    assert (tokenizer(["cat " * 75])[0] > 0).all()
    with pytest.raises(DataError, match=r"text 'cat cat .*\.\.\.': got 78 tokens, expected at mos"):
        tokenizer(["a dog", "cat " * 76])
    short = ClipTokenizer(tokenizer.vocabulary, context_length=5)
    assert short(["a cat sat"]).shape == (1, 5)
    with pytest.raises(DataError, match="got 6 tokens, expected at most 5"):
        short(["a cat sat down"])


@pytest.fixture
def hugging_face(vocabulary, tmp_path):
    """Write the vocabulary in one of Hugging Face's forms into a folder."""

    def write(form: str) -> Path:
        ids, merges = dict(vocabulary.ids), vocabulary.merges
        if form == "pair":
            (tmp_path / "vocab.json").write_text(json.dumps(ids))
            lines = ["#version: 0.2", *(" ".join(merge) for merge in merges)]
            (tmp_path / "merges.txt").write_text("\n".join(lines))
            return tmp_path
        listed = [" ".join(m) if form == "strings" else list(m) for m in merges]
        model = {"type": "BPE", "vocab": ids, "merges": listed}
        (tmp_path / "tokenizer.json").write_text(json.dumps({"model": model}))
        return tmp_path / ("tokenizer.json" if form == "strings" else "")

    return write


@pytest.mark.parametrize("form", ["strings", "pairs", "pair"])
def test_hugging_faces_files_hold_the_same(form, hugging_face, tokenizer):
    found = ClipTokenizer(read_vocabulary(hugging_face(form)))
    np.testing.assert_array_equal(found(list(GOLDEN)), tokenizer(list(GOLDEN)))
    assert len(found.vocabulary) == 49_408


def test_a_folder_with_openais_file(tmp_path, vocabulary):
    assert not has_vocabulary(tmp_path)
    (tmp_path / OPENAI_FILE).write_bytes(OPENAI.read_bytes())
    assert has_vocabulary(tmp_path)
    assert read_vocabulary(tmp_path).ids == vocabulary.ids


MARKS = {"<|startoftext|>": 2, "<|endoftext|>": 3}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.json", None, r"absent\.json: there is no such file.*--text\.tokenizer"),
        ("t.json", "{", r"t\.json: is no JSON"),
        ("t.json", "[]", r"t\.json: got no JSON object"),
        ("t.json", {"model": {"type": "Unigram", "vocab": []}}, r"t\.json: got no model with voc"),
        ("t.json", {"model": {"vocab": MARKS, "merges": ["a"]}}, r"got 'a' among its merges"),
        ("t.json", {"model": {"vocab": {"a": 0}, "merges": []}}, r"without <\|startoftext\|>"),
        ("t.json", {"model": {"vocab": MARKS, "merges": ["a b"]}}, r"without a number for 'a'"),
        (
            "t.json",
            {"model": {"vocab": {**MARKS, "a": 9}, "merges": []}},
            r"got 3 for .* the largest number \(9\)",
        ),
        ("bpe.txt", "first line\ni n\nt h\n", r"got 2 merges, expected 48,894"),
        ("bpe.txt.gz", gzip.compress(b"a b\n" * 50_000)[:-20], r"cannot be read"),
        ("bpe.txt", b"\xff\xfe", r"cannot be read"),
        ("folder", ..., r"got a folder without tokenizer\.json"),
    ],
)
def test_what_is_no_vocabulary_is_refused_by_name(name, content, message, tmp_path):
    path = tmp_path / name
    if content is ...:
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(WeightsError, match=message):
        read_vocabulary(path)


def test_characters_without_a_piece_are_not_left_out():
    letters = {letter: number for number, letter in enumerate("catCAT")}
    ids = {**letters, "t</w>": 6, "<|startoftext|>": 7, "<|endoftext|>": 8}
    tokenizer = ClipTokenizer(Vocabulary(ids, (), Path("tiny.json")), context_length=8)
    assert tokenizer(["cat"])[0].tolist() == [7, 0, 1, 6, 8, 0, 0, 0]
    with pytest.raises(DataError, match=r"text 'cot': got characters that tiny\.json has no piece"):
        tokenizer(["cot"])


@pytest.mark.parametrize("package", ["tokenizers", "ftfy"])
def test_a_missing_package_is_one_message(package, vocabulary, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"package {package} .*pip install 'mindtune\[clip\]'"):
        ClipTokenizer(vocabulary)
