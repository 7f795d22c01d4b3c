"""A vocabulary for the tiny CLIPs of tests/data/weights/d_clip: 80 pieces."""

from __future__ import annotations

import json
import string
from pathlib import Path

CLIP_FILES = Path(__file__).parent / "data" / "weights" / "d_clip"
OPENAI_VIT = CLIP_FILES / "openai_vit_jit.pt"  # what --backbone.name vit_clip_test is built for
MERGES = (("p", "h"), ("ph", "o"), ("t", "o</w>"), ("pho", "to</w>"), ("o", "f</w>"))


def write_tokenizer(folder: Path) -> Path:
    """Write ``folder/tokenizer.json``: letters, digits that end a word, a full stop, 5 merges."""
    letters = string.ascii_lowercase + "."
    pieces = [*letters, *(f"{letter}</w>" for letter in letters + string.digits)]
    pieces += [left + right for left, right in MERGES]
    pieces += [f"unused {number}" for number in range(78 - len(pieces))]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    vocab = {piece: number for number, piece in enumerate(pieces)}
    model = {"type": "BPE", "vocab": vocab, "merges": [" ".join(pair) for pair in MERGES]}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "model": model}))
    return folder / "tokenizer.json"
