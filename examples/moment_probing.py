"""Moment Probing: the tokens of a frozen network say more than its class token alone.

A small ViT that has learnt the handwritten digits 0 to 4 (shipped in weights/) is tuned to the
digits 5 to 9, in three ways that see the same images for as long: a linear probe on its pooled
feature, MP, which reads how the channels of the tokens vary together, and MP+, whose
recalibrations (PSRP) let every block follow. Read on in docs/moment_probing.md.

Usage: python examples/moment_probing.py [RUNS_FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import mindtune

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "weights" / "vit_digits_patch4_16.safetensors"
MOMENT = {"name": "moment", "moment": {"width": 64}}
WAYS = {
    "linear probe": {"tuning": {"modes": ["linear"]}, "optim": {"lr": 3e-2}},
    "MP": {"tuning": {"modes": ["linear"]}, "head": MOMENT, "optim": {"lr": 1e-2}},
    "MP+": {"tuning": {"modes": ["psrp"]}, "head": MOMENT, "optim": {"lr": 1e-2}},
}


def main(runs: Path) -> None:
    rows = []
    for name, options in WAYS.items():
        config = mindtune.configure(
            mindtune.RunConfig,
            ROOT / "configs" / "quickstart" / "moment_probing.yaml",
            pretrained=WEIGHTS,
            epochs=15,
            evaluation={"every": 15},
            overwrite=True,
            **{"head": {"name": "linear"}, **options},
        )
        result = mindtune.train(config, runs / name.replace(" ", "_"))
        rows.append((name, result["parameters"]["trainable"], result["metrics"]["top1"]))

    print("\nwhat tunes        trains   top-1 on test, %")
    for name, trainable, top1 in rows:
        print(f"{name:14} {trainable:9,}   {top1:6.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/tour_moment_probing"))
