"""Convert a weight file: python scripts/convert_weights.py IN OUT --to FORM

IN is a weight file of any tool, a run folder or a Hugging Face folder; OUT the new file. Forms:
ckpt (MindSpore), safetensors-timm, safetensors-hf (ViT and CLIP), npz (Google's names for a ViT),
and peft: the LoRA adapter of a run as a folder for Hugging Face's PEFT (OUT). All other forms have
LoRA merged.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mindtune import cli
from mindtune.adapter import LAYOUT_CHOICES, convert_to_peft
from mindtune.converting import FORMS, convert
from mindtune.errors import ConfigError

_MOST_NAMES = 8
PEFT = "peft"


def main(argv: Sequence[str]) -> None:
    """Convert as the command line says, and print what was written and what was left out."""
    words = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(prog="convert_weights.py", description=words[0])
    parser.add_argument("source", metavar="IN", help="weight file, run folder or HF folder")
    parser.add_argument("target", metavar="OUT", type=Path, help="file to write")
    parser.add_argument("--to", required=True, choices=[*FORMS, PEFT], help="form of the new file")
    parser.add_argument("--pretrained_key", help="which network of a training checkpoint")
    parser.add_argument(
        "--without", nargs="+", default=[], metavar="NAME", help="tensors to leave out, e.g. head"
    )
    parser.add_argument("--adapter", help="PEFT folder of a LoRA adapter to merge into IN")
    parser.add_argument(
        "--layout",
        choices=LAYOUT_CHOICES,
        default="both",
        help="for peft; names of transformers 4 (v4), 5 (v5), or both (default)",
    )
    parser.add_argument("--num_heads", type=int, help="for npz; default: width / 64")
    given = parser.parse_args(argv)
    if given.to == PEFT:
        if given.adapter is not None:
            raise ConfigError("--adapter: got one with --to peft, which writes one; leave it out")
        written, left = convert_to_peft(
            given.source, given.target, given.layout, given.pretrained_key
        )
        print(f"{given.target}: an adapter of {written} tensors")
        _say_left_out(left)
        return
    done = convert(
        given.source,
        given.target,
        given.to,
        given.pretrained_key,
        given.without,
        given.num_heads,
        given.adapter,
    )
    print(f"{given.target}: {done.tensors} tensors under {done.names} names")
    _say_left_out(done.left_out)


def _say_left_out(names: Sequence[str]) -> None:
    if names:
        more = ", ..." if len(names) > _MOST_NAMES else ""
        print(f"left out ({len(names)}): {', '.join(names[:_MOST_NAMES])}{more}")


if __name__ == "__main__":
    sys.exit(cli.run(main))
