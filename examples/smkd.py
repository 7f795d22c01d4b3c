"""SMKD: features of classes learnt by comparing images, without a classifier.

A small ViT that has learnt the handwritten digits 0 to 4 (shipped in weights/) sees the digits 5 to
9, in two phases: iBOT follows its own moving average and needs no labels, SMKD also compares
different images of a class. k-NN says how often the nearest training images have the class of a
test image. Phase 1 is short: without labels a thousand images teach little.
Read on in docs/smkd.md; new classes by a few images each are docs/few_shot.md.

Usage: python examples/smkd.py [RUNS_FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mindtune

ROOT = Path(__file__).parents[1]
DATA = {"name": "digits", "classes": [5, 6, 7, 8, 9]}
PHASES = {"ibot": (2, 1e-4), "smkd": (8, 5e-4)}  # epochs, learning rate
SMALL = {
    "backbone": {"name": "vit_digits_patch4_16"},
    "data": DATA,
    "augment": {"hflip": 0.0},
    "self_distillation": {
        "momentum": 0.97,  # of a short run: the teacher must move
        "views": {"local_size": 8},
        "projection": {"out_dim": 128, "hidden_dim": 128},
    },
    **{"batch_size": 32, "overwrite": True},
}


def judge(folder: Path, **weights: Any) -> float:
    """k-NN top-1 on the test images, %."""
    keys = {"protocol": "knn", "data": DATA, "knn": {"k": [20]}, **weights}
    config = mindtune.configure(mindtune.EvaluateConfig, **keys)
    return float(mindtune.evaluate(config, folder)["metrics"]["top1"])


def main(runs: Path) -> None:
    start = ROOT / "weights" / "vit_digits_patch4_16.safetensors"
    found = {"before": judge(runs / "before", pretrained=start)}
    for method, (epochs, lr) in PHASES.items():
        recipe = ROOT / "configs" / "smkd" / f"vit_mini_cifar10_{method}.yaml"
        keys = {"pretrained": start, "epochs": epochs, "optim": {"lr": lr}, **SMALL}
        config = mindtune.configure(mindtune.RunConfig, recipe, **keys)
        start = runs / method
        mindtune.train(config, start)
        found[method] = judge(start, pretrained=start, pretrained_key="teacher")

    print("\nk-NN top-1 of the new digits, %")
    for name, accuracy in found.items():
        print(f"{name:8} {accuracy:6.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/tour_smkd"))
