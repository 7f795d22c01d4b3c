"""Make CIFAR-FS from the official CIFAR-100.

python scripts/prepare_cifar_fs.py --root DIR --out DIR

DIR of --root holds cifar-100-python, cifar-100-binary or their archives; --out is made, with
train, val and test, a folder a class, 600 images of 32 x 32 pixels each.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mindtune import cli
from mindtune.data.preparing.cifar100_splits import prepare_cifar_fs


def main(argv: Sequence[str]) -> None:
    """Prepare as the command line says."""
    words = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(prog="prepare_cifar_fs.py", description=words[0])
    parser.add_argument("--root", required=True, type=Path, help="folder or archive of CIFAR-100")
    parser.add_argument("--out", required=True, type=Path, help="folder to make")
    parser.add_argument("--workers", default=2, type=int, help="threads")
    given = parser.parse_args(argv)
    prepare_cifar_fs(given.root, given.out, given.workers, print)


if __name__ == "__main__":
    sys.exit(cli.run(main))
