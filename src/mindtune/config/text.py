"""Keys of texts, for methods and protocols with a CLIP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass
class TextConfig:
    """Class names as texts, for methods amu and contrastive and protocol zero_shot.

    Attributes:
        tokenizer: tokenizer.json, OpenAI's bpe_simple_vocab_16e6.txt.gz, or a folder with one of
            them; default: what lies beside the weights or, for method contrastive without any, a
            vocabulary learnt from its captions.
        templates: prompts with {} in the place of the class name; default: those of the data set.
            In method contrastive they are captions, of which an image gets one at random.
        cache: folder to keep the encoded texts in; default: not kept.
    """

    tokenizer: Optional[str] = None
    templates: Optional[list[str]] = None
    cache: Optional[str] = None
