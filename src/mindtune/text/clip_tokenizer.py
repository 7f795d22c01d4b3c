"""CLIP's tokeniser (Radford et al., ICML 2021): texts to rows of token ids."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from mindtune.errors import DataError
from mindtune.optional_packages import require_package
from mindtune.text.vocabulary import END, END_OF_WORD, START, Vocabulary

CONTEXT_LENGTH = 77

# contractions, runs of letters, single digits, runs of anything else but white space
_PIECES = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
NEEDED_BY = "text tokeniser"
_SHOWN = 60


def clean_text(text: str) -> str:
    """The text as it is cut: broken encodings mended, HTML unescaped, white space and case."""
    ftfy = require_package("ftfy", NEEDED_BY, "clip")
    unescaped = html.unescape(html.unescape(ftfy.fix_text(text)))
    return re.sub(r"\s+", " ", unescaped).strip().lower()


def pre_tokenizer() -> Any:
    """What cuts a clean text into words, a ``PreTokenizer`` of the package ``tokenizers``."""
    tokenizers = require_package("tokenizers", NEEDED_BY, "clip")
    before = tokenizers.pre_tokenizers
    return before.Sequence(
        [
            before.Split(tokenizers.Regex(_PIECES), "removed", invert=True),
            before.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


class ClipTokenizer:
    """Texts to ids int32 (N, L): start, the text, end of text, then zeros.

    Texts are cleaned and cut into pieces as OpenAI's code does, whatever a ``tokenizer.json`` says
    of its own normaliser: of files only the vocabulary is read. The words ``<|startoftext|>`` and
    ``<|endoftext|>`` inside a text are plain characters here; there they are the marks themselves.

    Args:
        vocabulary: see ``mindtune.text.vocabulary.read_vocabulary``.
        context_length: L, the longest text with its two marks, tokens.

    Raises:
        UserError: the package ``tokenizers`` or ``ftfy`` is missing.
    """

    def __init__(self, vocabulary: Vocabulary, context_length: int = CONTEXT_LENGTH) -> None:
        tokenizers = require_package("tokenizers", NEEDED_BY, "clip")
        require_package("ftfy", NEEDED_BY, "clip")
        self.vocabulary = vocabulary
        self.context_length = context_length
        model = tokenizers.models.BPE(
            dict(vocabulary.ids), list(vocabulary.merges), end_of_word_suffix=END_OF_WORD
        )
        self._tokenizer = tokenizers.Tokenizer(model)
        self._tokenizer.pre_tokenizer = pre_tokenizer()

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Ids int32 (N, L) of ``texts``.

        Raises:
            DataError: a text of more tokens than the context (it is not cut), or of characters
                which the vocabulary lacks.
        """
        rows = np.zeros((len(texts), self.context_length), np.int32)
        for row, text in zip(rows, texts):
            ids = [self.vocabulary.ids[START], *self._pieces(text), self.vocabulary.ids[END]]
            if len(ids) > self.context_length:
                raise DataError(
                    f"text {_shown(text)}: got {len(ids)} tokens, expected at most "
                    f"{self.context_length} with the marks of its start and end; shorten it"
                )
            row[: len(ids)] = ids
        return rows

    def _pieces(self, text: str) -> list[int]:
        cleaned = clean_text(text)
        encoding = self._tokenizer.encode(cleaned, add_special_tokens=False)
        # the library leaves characters out of which the vocabulary has nothing
        found = sum(len(piece.removesuffix(END_OF_WORD)) for piece in encoding.tokens)
        if found != len(cleaned.replace(" ", "").encode()):
            raise DataError(
                f"text {_shown(text)}: got characters that {self.vocabulary.source} has no piece "
                "for, expected others; give the vocabulary of these weights as --text.tokenizer"
            )
        return encoding.ids


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
