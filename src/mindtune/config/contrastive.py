"""Keys of method contrastive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Optional


@dataclass
class ContrastiveConfig:
    """Captions and loss of method contrastive, see docs/clip_training.md.

    Attributes:
        tokenizer: tokenizer.json, OpenAI's bpe_simple_vocab_16e6.txt.gz, or a folder with one of
            them; default: what lies beside pretrained or, without it, a vocabulary learnt from the
            captions. The run keeps it beside its checkpoints.
        templates: captions with {} in the place of the class name, of which each image of a batch
            gets one at random; default: those of the data set.
        positives: which texts of a batch belong to an image; class are all of its class, as in
            UniCL, clip its own alone.
    """

    tokenizer: Optional[str] = None
    templates: Optional[list[str]] = None
    positives: Literal["class", "clip"] = "class"
