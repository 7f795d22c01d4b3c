"""SMKD: two networks that teach each other to recognise, without a classifier.

A small ViT that has learnt the handwritten digits 0 to 4 (shipped in weights/) sees the digits 5 to
9, in two phases: iBOT follows its own moving average and needs no labels, SMKD also compares
different images of a class. Episodes with one labelled image a class (5-way 1-shot) judge the
features before and after. What to look at: both phases run, and the features survive them, which a
collapse would not leave; a minute and a thousand images are far too few to make them better.
scripts/cifar10_few_shot.sh is an experiment, docs/smkd.md and docs/few_shot.md are to read.

Usage: python examples/smkd.py [RUNS_FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mindtune

ROOT = Path(__file__).parents[1]
DATA = {"name": "digits", "classes": [5, 6, 7, 8, 9]}
SMALL = {
    "backbone": {"name": "vit_digits_patch4_16"},
    "data": DATA,
    "self_distillation": {
        "views": {"local_size": 8, "global_scale": [0.7, 1.0], "local_scale": [0.4, 0.8]},
        "projection": {"out_dim": 128, "hidden_dim": 128},
    },
    "schedule": {"warmup_epochs": 0.2, "warmup_steps": None},
    **{"batch_size": 32, "epochs": 2, "steps": None, "optim": {"lr": 1e-4}, "overwrite": True},
}


def judge(folder: Path, **weights: Any) -> float:
    """Mean accuracy of 5-way 1-shot episodes of test images, %."""
    keys = {"protocol": "few_shot", "data": DATA, "few_shot": {"shots": [1], "episodes": 500}}
    config = mindtune.configure(mindtune.EvaluateConfig, **keys, **weights)
    return float(mindtune.evaluate(config, folder)["metrics"]["prototype_1shot"])


def main(runs: Path) -> None:
    start = ROOT / "weights" / "vit_digits_patch4_16.safetensors"
    found = {"before": judge(runs / "before", pretrained=start)}
    for method in ("ibot", "smkd"):
        recipe = ROOT / "configs" / "smkd" / f"vit_mini_cifar10_{method}.yaml"
        config = mindtune.configure(mindtune.RunConfig, recipe, pretrained=start, **SMALL)
        start = runs / method
        mindtune.train(config, start)
        found[method] = judge(start, pretrained=start, pretrained_key="teacher")

    print("\n5-way 1-shot accuracy on the new digits, %")
    for name, accuracy in found.items():
        print(f"{name:8} {accuracy:6.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/tour_smkd"))
