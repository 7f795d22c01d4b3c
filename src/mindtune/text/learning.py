"""A byte-pair vocabulary learnt from texts, for CLIPs that are trained here."""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from pathlib import Path

from mindtune.errors import ConfigError
from mindtune.optional_packages import require_package
from mindtune.text.clip_tokenizer import NEEDED_BY, clean_text, pre_tokenizer
from mindtune.text.vocabulary import END, END_OF_WORD, START, Vocabulary

_ALWAYS = string.ascii_lowercase + string.digits  # so that any plain class name can be asked for
_NOWHERE = Path("vocabulary of the captions")


def learn_vocabulary(texts: Sequence[str], size: int) -> Vocabulary:
    """Byte pairs that write ``texts`` in few tokens; the same texts give the same vocabulary.

    Lower-case letters, digits and the other bytes of the texts have pieces of their own, so that
    texts of other words can be read too. Numbers that are left over are unused.

    Args:
        texts: what the merges are learnt from, by the frequency of their words.
        size: pieces in all, with the two marks: what the text tower has.

    Raises:
        ConfigError: a size that the letters alone exceed.
        UserError: the package ``tokenizers`` or ``ftfy`` is missing.
    """
    tokenizers = require_package("tokenizers", NEEDED_BY, "clip")
    splitter = pre_tokenizer()
    cleaned = [clean_text(text) for text in texts]
    pieces = [piece for text in cleaned for piece, _ in splitter.pre_tokenize_str(text)]
    letters = sorted({*_ALWAYS, *"".join(pieces)})
    room = size - 2 * len(letters) - 2
    if room < 0:
        raise ConfigError(
            f"text.templates: got texts of {len(letters)} letters, with which a vocabulary "
            f"has {size - room} pieces, expected at most {size} as the text tower has; choose "
            "templates and class names with fewer different characters"
        )
    model = tokenizers.Tokenizer(tokenizers.models.BPE(end_of_word_suffix=END_OF_WORD))
    model.pre_tokenizer = splitter
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size, show_progress=False, end_of_word_suffix=END_OF_WORD
    )
    model.train_from_iterator(cleaned, trainer)
    learnt = json.loads(model.to_str())["model"]["merges"]
    merges = [tuple(m.split(" ") if isinstance(m, str) else m) for m in learnt][:room]
    known = [*letters, *(letter + END_OF_WORD for letter in letters)]
    known = list(dict.fromkeys([*known, *(left + right for left, right in merges)]))
    known += [f"<|unused{number}|>" for number in range(size - 2 - len(known))]
    ids = {piece: number for number, piece in enumerate([*known, START, END])}
    return Vocabulary(ids, merges, _NOWHERE)
