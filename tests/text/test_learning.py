"""Vocabularies learnt from captions: whole, readable again, and open to other words."""

from __future__ import annotations

import pytest

from mindtune.errors import ConfigError
from mindtune.text.clip_tokenizer import ClipTokenizer
from mindtune.text.learning import learn_vocabulary
from mindtune.text.prompts import prompts_for
from mindtune.text.vocabulary import read_vocabulary, write_vocabulary

TEMPLATES = ["a photo of a {}.", "art of the {}."]
CAPTIONS = [text for name in ("airplane", "hot_dog") for text in prompts_for(name, TEMPLATES)]


def test_words_of_the_captions_become_tokens():
    vocabulary = learn_vocabulary(CAPTIONS, 200)
    assert len(vocabulary) == 200
    ids = ClipTokenizer(vocabulary, 32)(["a photo of a airplane.", "art of the hot dog."])
    assert [int(row.argmax()) for row in ids] == [7, 7]  # start, six pieces, end
    assert ids[0, 1] == ids[0, 4] != ids[0, 2]
    assert (ids.max(), ids[0, 0]) == (199, 198)


def test_other_words_are_spelt():
    tokenizer = ClipTokenizer(learn_vocabulary(CAPTIONS, 200), 32)
    assert 8 < int(tokenizer(["a photo of a zebra5."])[0].argmax()) < 16


def test_the_same_captions_give_the_same_file(tmp_path):
    vocabulary = learn_vocabulary(CAPTIONS, 120)
    write_vocabulary(vocabulary, tmp_path)
    written = (tmp_path / "tokenizer.json").read_bytes()
    write_vocabulary(learn_vocabulary(CAPTIONS, 120), tmp_path)
    assert (tmp_path / "tokenizer.json").read_bytes() == written
    read = read_vocabulary(tmp_path)
    assert (read.ids, list(read.merges)) == (vocabulary.ids, vocabulary.merges)


def test_a_small_vocabulary_is_letters_alone():
    vocabulary = learn_vocabulary(CAPTIONS, 76)  # 36 letters and digits, a full stop, two marks
    assert list(vocabulary.merges) == []


def test_too_small_a_vocabulary_is_refused():
    with pytest.raises(ConfigError, match=r"has 76 pieces, expected at most 75 as the text tower"):
        learn_vocabulary(CAPTIONS, 75)
