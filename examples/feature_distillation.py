"""Feature Distillation: a fresh student learns the last tokens of a pre-trained teacher.

The teacher is a small ViT that has learnt the handwritten digits 0 to 4 (shipped in weights/). The
student starts from random weights, sees the same images without their labels, and is judged by
k-NN: how often the nearest training images say the class. Then it is tuned with few labels, beside
a network that starts from random weights. Read on in docs/feature_distillation.md.

Usage: python examples/feature_distillation.py [RUNS_FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import mindtune

ROOT = Path(__file__).parents[1]
TEACHER = ROOT / "weights" / "vit_digits_patch4_16.safetensors"
SHARED = {
    "backbone": {"name": "vit_digits_patch4_16"},
    "tuning": {"modes": ["full"]},
    "data": {"name": "digits", "classes": [0, 1, 2, 3, 4]},
    "augment": {"scale": [0.6, 1.0], "hflip": 0.0},
    "overwrite": True,
}


def main(runs: Path) -> None:
    distil = mindtune.configure(
        mindtune.RunConfig,
        method="feature_distillation",
        teacher={"pretrained": TEACHER},
        distillation={"select": "knn_top1"},
        optim={"lr": 2e-3},
        schedule={"warmup_epochs": 1},
        **{"epochs": 20, "evaluation": {"every": 20}},
        **SHARED,
    )
    followed = mindtune.train(distil, runs / "student")["metrics"]

    tuned = {}
    for start in ("student", None):
        weights = None if start is None else runs / start
        tune = mindtune.configure(
            mindtune.RunConfig, pretrained=weights, epochs=2, optim={"lr": 5e-4}, **SHARED
        )
        tuned[start] = mindtune.train(tune, runs / f"tuned_{start}")["metrics"]["top1"]

    print(f"\ndistance to the teacher's tokens    {followed['distillation_loss']:6.4f}")
    print("  of a student that knows nothing   0.3250")
    print(f"k-NN top-1, no label seen           {followed['knn_top1']:6.2f} %")
    print(f"tuned by 2 epochs with labels       {tuned['student']:6.2f} %")
    print(f"  the same from random weights      {tuned[None]:6.2f} %")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/tour_feature_distillation"))
