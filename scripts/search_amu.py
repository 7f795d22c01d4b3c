"""Choose lambda of AMU-Tuning: train a run for each value, keep the best on validation images.

    python scripts/search_amu.py --shares 0.2 0.35 0.5 -- --config configs/amu/resnet50_dtd.yaml ...

What stands after ``--`` are the options of ``train.py``. Runs go to OUT/fused_share_VALUE, features
to OUT/features, and OUT/search.json says what each run reached and which one is the best.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mindtune import cli, commands
from mindtune.cli import option_value
from mindtune.errors import ConfigError
from mindtune.files import write_atomically

_SHARES = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
_DECIDED_HERE = ("--out", "--amu.fused_share")


def search(argv: Sequence[str]) -> None:
    """Train all runs and write what was found."""
    words = list(argv)
    cut = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(description="Choose lambda.")
    parser.add_argument("--shares", type=float, nargs="+", default=list(_SHARES), help="lambdas")
    parser.add_argument("--out", type=Path, default=Path("runs/search_amu"), help="folder")
    given, options = parser.parse_args(words[:cut]), words[cut + 1 :]
    for name in _DECIDED_HERE:
        if option_value(options, name) is not None:
            raise ConfigError(f"{name}: is set by this script, expected none; leave it out")
    if option_value(options, "--amu.cache") is None:
        options += ["--amu.cache", str(given.out / "features")]
    found = [_run(share, given.out, options) for share in given.shares]
    best = max(found, key=lambda one: one["val"])
    write_atomically(
        given.out / "search.json", json.dumps({"best": best, "runs": found}, indent=2).encode()
    )
    print(f"best: fused_share {best['fused_share']:g}, {best['val']:.2f} % on validation images")


def _run(share: float, out: Path, options: Sequence[str]) -> dict[str, float | str]:
    folder = out / f"fused_share_{share:g}"
    commands.train([*options, "--amu.fused_share", str(share), "--out", str(folder)])
    result = json.loads((folder / "result.json").read_text())
    chosen = result["search"]["top1"] if "search" in result else result["selection"]["top1"]
    return {"fused_share": share, "val": chosen, "run": str(folder)}


if __name__ == "__main__":
    sys.exit(cli.run(search))
