"""Make miniImageNet from ImageNet.

python scripts/prepare_mini_imagenet.py --imagenet DIR --lists DIR --out DIR

--imagenet holds ImageNet's training images in wnid folders (or a folder train of them), --lists
train.csv, val.csv and test.csv of Ravi and Larochelle, which name the images.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mindtune import cli
from mindtune.data.datasets.mini_imagenet import MINI_IMAGENET
from mindtune.data.preparing.imagenet_lists import prepare_from_imagenet


def main(argv: Sequence[str]) -> None:
    """Prepare as the command line says."""
    words = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(prog="prepare_mini_imagenet.py", description=words[0])
    parser.add_argument("--imagenet", required=True, type=Path, help="folder of ImageNet")
    parser.add_argument("--lists", required=True, type=Path, help="folder of the three lists")
    parser.add_argument("--out", required=True, type=Path, help="folder to make")
    parser.add_argument("--size", default=480, type=int, help="side in pixels; 0: as they are")
    parser.add_argument("--workers", default=2, type=int, help="threads")
    given = parser.parse_args(argv)
    prepare_from_imagenet(
        MINI_IMAGENET, given.imagenet, given.lists, given.out, given.size, given.workers, print
    )


if __name__ == "__main__":
    sys.exit(cli.run(main))
