"""SMKD: features for classes that nobody has labelled, from classes that somebody has.

A small ViT learns from the handwritten digits 0 to 4 in two phases: iBOT, which follows its own
moving average without labels, then SMKD, which also compares different images of a class. It is
judged on the digits 5 to 9, of which it has seen none: 5-way 1-shot episodes, in which one labelled
image a class is all there is. Read on in docs/smkd.md and docs/few_shot.md.

Usage: python examples/smkd.py [RUNS_FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mindtune

RECIPES = Path(__file__).parents[1] / "configs" / "smkd"
BACKBONE = {"name": "vit_digits_patch4_16"}
SMALL = {
    "backbone": BACKBONE,
    "data": {"name": "digits", "classes": ["0", "1", "2", "3", "4"]},
    "augment": {"hflip": 0.0},
    "self_distillation": {
        "momentum": 0.97,  # of a short run: the teacher must move
        "views": {"local_size": 8},
        "projection": {"out_dim": 128, "hidden_dim": 128},
    },
    "batch_size": 32,
    "epochs": 10,
    "overwrite": True,
}


def judge(folder: Path, **keys: Any) -> float:
    """Mean accuracy of 5-way 1-shot episodes of the digits 5 to 9, %."""
    config = mindtune.configure(
        mindtune.EvaluateConfig,
        protocol="few_shot",
        data={"name": "digits", "classes": ["5", "6", "7", "8", "9"]},
        few_shot={"shots": [1], "episodes": 500},
        **keys,
    )
    return float(mindtune.evaluate(config, folder)["metrics"]["prototype_1shot"])


def main(runs: Path) -> None:
    found = {"random weights": judge(runs / "random", pretrained="random", backbone=BACKBONE)}
    start = None
    for method in ("ibot", "smkd"):
        recipe = RECIPES / f"vit_mini_cifar10_{method}.yaml"
        config = mindtune.configure(mindtune.RunConfig, recipe, pretrained=start, **SMALL)
        start = runs / method
        mindtune.train(config, start)
        found[method] = judge(start, pretrained=start, pretrained_key="teacher")

    print("\n5-way 1-shot accuracy on new digits, %")
    for name, accuracy in found.items():
        print(f"{name:16} {accuracy:6.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/tour_smkd"))
