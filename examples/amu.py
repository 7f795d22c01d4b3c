"""AMU-Tuning: what another network, and a few images a class, add to a CLIP.

A tiny CLIP learns the ten handwritten digits from images and captions, badly. Beside it stands a
small ViT that knows the digits 0 to 4 (shipped in weights/). Both stay as they are: on the features
of the ViT one linear layer learns from 8 images a class, and its logits are added to CLIP's, more
where CLIP is in doubt. Read on in docs/amu.md. Needs: pip install '.[clip]'

Usage: python examples/amu.py [RUNS_FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import mindtune

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "weights" / "vit_digits_patch4_16.safetensors"
SHARED = {
    "backbone": {"name": "vit_clip_test"},
    "data": {"name": "digits"},
    "text": {"templates": ["a {}."]},
    "augment": {"scale": [0.6, 1.0], "hflip": 0.0},
    **{"epochs": 20, "evaluation": {"every": 20}, "overwrite": True},
}


def main(runs: Path) -> None:
    captions = mindtune.configure(
        mindtune.RunConfig,
        **{"method": "contrastive", "tuning": {"modes": ["full"]}},
        optim={"lr": 5e-4},
        schedule={"warmup_epochs": 1},
        **SHARED,
    )
    mindtune.train(captions, runs / "clip")
    few_images = mindtune.configure(
        mindtune.RunConfig,
        **{"method": "amu", "pretrained": runs / "clip"},
        amu={
            "auxiliary": [{"name": "vit_digits_patch4_16", "pretrained": WEIGHTS}],
            **{"shots": 8, "cache_views": 4, "search": True},
        },
        batch_size=20,
        optim={"lr": 1e-2, "eps": 1e-4},
        **SHARED,
    )
    found = mindtune.train(few_images, runs / "amu")["metrics"]

    print("\ntop-1 on test, %")
    print(f"CLIP, by its texts             {found['clip_top1']:6.2f}")
    print(f"other network, 8 images each   {found['auxiliary_top1']:6.2f}")
    print(f"both                           {found['top1']:6.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/tour_amu"))
