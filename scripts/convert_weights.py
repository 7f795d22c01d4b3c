"""Convert a weight file: python scripts/convert_weights.py IN OUT --to FORM

IN is a weight file of any tool, a run folder or a Hugging Face folder; OUT the new file. Forms:
ckpt (MindSpore), safetensors-timm, safetensors-hf (ViT and CLIP), npz (Google's names for a ViT).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mindtune import cli
from mindtune.converting import FORMS, convert

_MOST_NAMES = 8


def main(argv: Sequence[str]) -> None:
    """Convert as the command line says, and print what was written and what was left out."""
    words = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(prog="convert_weights.py", description=words[0])
    parser.add_argument("source", metavar="IN", help="weight file, run folder or HF folder")
    parser.add_argument("target", metavar="OUT", type=Path, help="file to write")
    parser.add_argument("--to", required=True, choices=FORMS, help="form of the new file")
    parser.add_argument("--pretrained_key", help="which network of a training checkpoint")
    parser.add_argument(
        "--without", nargs="+", default=[], metavar="NAME", help="tensors to leave out, e.g. head"
    )
    parser.add_argument("--num_heads", type=int, help="for npz; default: width / 64")
    given = parser.parse_args(argv)
    done = convert(
        given.source, given.target, given.to, given.pretrained_key, given.without, given.num_heads
    )
    print(f"{given.target}: {done.tensors} tensors under {done.names} names")
    if done.left_out:
        more = ", ..." if len(done.left_out) > _MOST_NAMES else ""
        names = ", ".join(done.left_out[:_MOST_NAMES])
        print(f"left out ({len(done.left_out)}): {names}{more}")


if __name__ == "__main__":
    sys.exit(cli.run(main))
