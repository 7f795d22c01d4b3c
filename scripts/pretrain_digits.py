"""Make weights/vit_digits_patch4_16.safetensors, the network that the quick start tunes.

Trains it on digits 0 to 4 by configs/quickstart/pretrain.yaml, in runs/quickstart/pretrain, and
copies the best checkpoint. Usage: python scripts/pretrain_digits.py
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mindtune import cli, commands, files

ROOT = Path(__file__).resolve().parents[1]
RECIPE = "configs/quickstart/pretrain.yaml"
RUN = "runs/quickstart/pretrain"
WEIGHTS = Path("weights/vit_digits_patch4_16.safetensors")


def pretrain(options: Sequence[str]) -> None:
    """Replace the weight file; ``options`` go to ``train.py``."""
    os.chdir(ROOT)  # relative names: the weight file records them
    commands.train(["--config", RECIPE, "--out", RUN, "--overwrite", "true", *options])
    best = Path(RUN, "checkpoints", "best.safetensors")
    files.write_atomically(WEIGHTS, best.read_bytes())
    print(f"written {WEIGHTS}")


if __name__ == "__main__":
    sys.exit(cli.run(pretrain))
