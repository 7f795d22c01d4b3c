"""Write the table of results in README.md, between its two marks, from results/*.json.

Usage: python scripts/readme_results.py [README.md]

It is a part of docs/results.md, which says how the runs were made. The same results give the same
bytes.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from chapters.amu import shot_results
from chapters.few_shot import only
from chapters.run import Run
from chapters.seed_rows import mean_and_range, rows_of, table

from mindtune import cli
from mindtune.errors import CheckpointError, ConfigError
from mindtune.files import write_atomically

ROOT = Path(__file__).resolve().parents[1]
BEGIN = "<!-- results: written by scripts/readme_results.py, do not edit -->"
END = "<!-- end of results -->"
TRANSFER = {  # run: what it is called
    "vit_mini_cifar10_lp": "linear probe",
    "vit_mini_cifar10_mp": "MP",
    "vit_mini_cifar10_mp_plus": "MP+",
    "vit_mini_cifar10_full": "full tuning",
}
FORGETTING = ("linear", "lora_r8", "block_p3", "mp_plus", "full")
SHOTS = (1, 4, 16)
DISTILLATION = {  # row: what it is called
    "fresh_tuned": "the student, not distilled",
    "student_tuned": "the student, distilled",
    "teacher_tuned": "its teacher",
}
FEW_SHOT = {
    "random": "random weights",
    "pixels": "pixels",
    "phase1": "iBOT",
    "phase2": "SMKD",
}
EPISODES = "eval_few_shot_folder_test.json"


def main(argv: Sequence[str]) -> None:
    """Write the table into ``argv[0]``, by default the repository's README.md.

    Raises:
        ConfigError: too many arguments, or a file without the marks.
        CheckpointError: results lack a row, or the file cannot be written.
    """
    if len(argv) > 1:
        raise ConfigError(f"arguments: got {len(argv)}, expected [README.md]")
    file = Path(argv[0]) if argv else ROOT / "README.md"
    text = file.read_text(encoding="utf-8")
    if not 0 <= text.find(BEGIN) < text.find(END):
        raise ConfigError(f"{file}: got no marks, expected the lines {BEGIN} and {END}")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    parts = [BEGIN, transfer(), distillation(), amu(), forgetting(), few_shot(), END]
    write_atomically(file, (before + "\n\n".join(parts) + after).encode())


def transfer() -> str:
    """Moment Probing beside a linear probe and full tuning."""
    runs = kept("transfer")
    chosen = [(name, runs[run]) for run, name in TRANSFER.items() if run in runs]
    if len(chosen) < len(TRANSFER):
        raise CheckpointError(f"results/transfer.json: got no run of {', '.join(TRANSFER)}")
    cells = [
        (name, f"{run.result['parameters']['trainable']:,}", f"{run.result['metrics']['top1']:.2f}")
        for name, run in chosen
    ]
    images = chosen[0][1].result["metrics"]["images"]
    return (
        f"**Moment Probing**, one seed: top-1 on {images:,} test images of five new classes.\n\n"
        + table(("tuning", "parameters that train", "top-1, %"), cells)
    )


def distillation() -> str:
    """A student with and without distillation, and its teacher, tuned alike."""
    rows = {row.name: row for row in rows_of(tuned_runs(kept("distillation")))}
    missing = [row for row in DISTILLATION if row not in rows]
    if missing:
        raise CheckpointError(f"results/distillation.json: got no run {missing[0]}_seedN")
    cells = [(name, mean_and_range(rows[row].metric("top1"))) for row, name in DISTILLATION.items()]
    return (
        "**Feature Distillation**, mean and range of three seeds: all tuned alike to five new "
        "classes.\n\n" + table(("network", "top-1, %"), cells)
    )


def tuned_runs(runs: dict[str, Run]) -> list[Run]:
    """Those of the rows of ``DISTILLATION``: the others have no accuracy."""
    return [run for name, run in runs.items() if name.split("_seed")[0] in DISTILLATION]


def few_shot() -> str:
    """Episodes of classes that no phase saw."""
    rows = {
        row.name: row for row in rows_of(only(run, EPISODES) for run in kept("few_shot").values())
    }
    missing = [row for row in FEW_SHOT if row not in rows]
    if missing:
        raise CheckpointError(f"results/few_shot.json: got no run {missing[0]}_seedN")
    cells = [
        (name, *(mean_and_range(rows[row].metric(f"prototype_{shots}shot")) for shots in (1, 5)))
        for row, name in FEW_SHOT.items()
    ]
    return (
        "**SMKD**, mean and range of three seeds: 5-way episodes of five classes that training "
        "never saw.\n\n" + table(("features of", "1 shot, %", "5 shots, %"), cells)
    )


def forgetting() -> str:
    """What tunings learn of new classes and lose of the old ones."""
    rows = {row.name: row for row in rows_of(kept("forgetting").values())}
    cells = []
    for name in FORGETTING:
        if name not in rows:
            raise CheckpointError(f"results/forgetting.json: got no run {name}_seedN")
        row = rows[name]
        lost = [run.result["forgetting"]["change"]["20"]["top1"] for run in row.runs]
        change = f"{statistics.mean(lost):+.2f}"
        cells.append((name, row.trainable, mean_and_range(row.metric("top1")), change))
    headings = ("tuning", "parameters that train", "new classes, %", "old classes, points")
    return (
        "**PEFT**, mean and range of three seeds: top-1 on the new classes, and the change of the "
        "k-NN accuracy on\nthe old ones.\n\n" + table(headings, cells)
    )


def amu() -> str:
    """A CLIP, a network beside it, and both."""
    files = [run.evaluations("few_shot_clip") for run in kept("amu").values()]
    found = [result for one in files for result in one.values()]
    if not found:
        raise CheckpointError("results/amu.json: got no evaluation by protocol few_shot_clip")
    scores = shot_results(found[0]).scores
    seeds = found[0]["few_shot_clip"]["seeds"]
    cells = [
        (name, *(f"{statistics.mean(scores[method, shots, s].test for s in seeds):.2f}"
                 for shots in SHOTS))
        for method, name in (
            ("zero_shot", "CLIP, zero-shot"), ("auxiliary", "MP+ network"), ("amu", "AMU-Tuning"),
        )
    ]  # fmt: skip
    headings = ("top-1, %", *(f"{shots} a class" for shots in SHOTS))
    return (
        f"**AMU-Tuning**, mean of {len(seeds)} draws of the few images of five classes:\n\n"
        + table(headings, cells)
    )


def kept(topic: str) -> dict[str, Run]:
    """The runs of an experiment by name."""
    file = ROOT / "results" / f"{topic}.json"
    found = json.loads(file.read_text(encoding="utf-8"))
    return {name: Run(name, files) for name, files in found.items()}


if __name__ == "__main__":
    sys.exit(cli.run(main))
