"""Make a few-shot data set, with train, val and test, a folder a class, from what it was cut from.

python scripts/prepare_few_shot.py cifar_fs --root DIR --out DIR             (or fc100)
python scripts/prepare_few_shot.py mini_imagenet --imagenet DIR --lists DIR --out DIR
python scripts/prepare_few_shot.py tiered_imagenet --imagenet DIR --lists DIR --out DIR

CIFAR-FS and FC100: --root holds cifar-100-python, cifar-100-binary or their archives; 600 images of
32 x 32 pixels a class. The other two: --imagenet holds ImageNet's training images in wnid folders
(or a folder train of them), --lists train.csv, val.csv and test.csv: of Ravi and Larochelle, naming
the images of miniImageNet, or of Ren et al. (or .txt), naming the classes of tieredImageNet.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mindtune import cli
from mindtune.data.datasets.mini_imagenet import MINI_IMAGENET
from mindtune.data.datasets.tiered_imagenet import TIERED_IMAGENET
from mindtune.data.preparing.cifar100_splits import prepare_cifar_fs, prepare_fc100
from mindtune.data.preparing.imagenet_lists import prepare_from_imagenet

FROM_CIFAR = {"cifar_fs": prepare_cifar_fs, "fc100": prepare_fc100}
FROM_IMAGENET = {"mini_imagenet": MINI_IMAGENET, "tiered_imagenet": TIERED_IMAGENET}


def main(argv: Sequence[str]) -> None:
    """Prepare as the command line says."""
    given = _parser().parse_args(argv)
    if given.set in FROM_CIFAR:
        FROM_CIFAR[given.set](given.root, given.out, given.workers, print)
    else:
        prepare_from_imagenet(
            FROM_IMAGENET[given.set], given.imagenet, given.lists, given.out, given.size,
            given.workers, print,
        )  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    words = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(prog="prepare_few_shot.py", description=words[0])
    sets = parser.add_subparsers(dest="set", metavar="SET", required=True)
    for name in FROM_CIFAR:
        one = sets.add_parser(name, help="from the official CIFAR-100")
        one.add_argument("--root", required=True, type=Path, help="folder or archive of CIFAR-100")
    for name in FROM_IMAGENET:
        one = sets.add_parser(name, help="from ImageNet and its lists")
        one.add_argument("--imagenet", required=True, type=Path, help="folder of ImageNet")
        one.add_argument("--lists", required=True, type=Path, help="folder of the three lists")
        one.add_argument("--size", default=480, type=int, help="side in pixels; 0: as they are")
    for one in sets.choices.values():
        one.add_argument("--out", required=True, type=Path, help="folder to make")
        one.add_argument("--workers", default=2, type=int, help="threads")
    return parser


if __name__ == "__main__":
    sys.exit(cli.run(main))
