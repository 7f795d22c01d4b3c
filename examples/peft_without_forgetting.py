"""Tuning a network to new classes: what it learns of them, and what it forgets of the old ones.

A small ViT that has learnt the handwritten digits 0 to 4 (shipped in weights/) is tuned to the
digits 5 to 9 in four ways that train less or more of it. Before and after, its features classify
images of the old digits by their nearest neighbours: the difference is what was forgotten. All but
the first learn at one rate, which is high for full tuning; it shows what goes wrong then.
Read on in docs/peft.md and docs/knn.md.

Usage: python examples/peft_without_forgetting.py [RUNS_FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import mindtune

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "weights" / "vit_digits_patch4_16.safetensors"
WAYS = {
    "linear": {"tuning": {"modes": ["linear"]}, "optim": {"lr": 3e-2}},
    "lora": {"tuning": {"modes": ["lora"], "lora": {"rank": 4}}, "optim": {"lr": 1e-2}},
    "block_expansion": {
        "tuning": {"modes": ["block_expansion"], "block_expansion": {"num_blocks": 1}},
        "optim": {"lr": 1e-2},
    },
    "full": {"tuning": {"modes": ["full"]}, "optim": {"lr": 1e-2}},
}


def main(runs: Path) -> None:
    rows = []
    for name, options in WAYS.items():
        config = mindtune.configure(
            mindtune.RunConfig,
            ROOT / "configs" / "quickstart" / "linear_probe.yaml",
            pretrained=WEIGHTS,
            **{"epochs": 10, "evaluation": {"every": 10}, "overwrite": True},
            knn={"k": [20]},
            forgetting={"name": "digits", "classes": [0, 1, 2, 3, 4]},
            **options,
        )
        result = mindtune.train(config, runs / name)
        old, new = result["forgetting"], result["metrics"]["top1"]
        before, after = (old[when]["20"]["top1"] for when in ("before", "after"))
        rows.append((name, result["parameters"]["trainable"], new, before, after))

    print("\ntuning             trains  new digits, %   old digits by k-NN, %: before  after")
    for name, trainable, new, before, after in rows:
        print(f"{name:16} {trainable:8,} {new:14.2f} {before:31.2f} {after:6.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/tour_peft"))
