"""The chapter of docs/results.md about few-shot classification by a CLIP and what is added to it.

Its results are runs of train.py, the networks, and files of protocol few_shot_clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from results_table import Run, command, made_with

from mindtune.errors import CheckpointError
from mindtune.evaluation.few_shot_plots import plot_shots, require_plots
from mindtune.evaluation.shot_results import Scores, ShotResults

BRANCHES = ("zero_shot", "auxiliary")


def chapter(runs: Sequence[Run], picture: Path, link: str) -> str:
    """Markdown that shows the first evaluation's figure, which it writes to ``picture``.

    Raises:
        CheckpointError: no evaluation among ``runs``.
        UserError: matplotlib is not installed.
    """
    evaluations = [run for run in runs if "accuracies" in run.result]
    networks = [run for run in runs if "accuracies" not in run.result]
    if not evaluations:
        raise CheckpointError(
            "results of amu: got no evaluation, expected a file of eval.py --protocol few_shot_clip"
        )
    draw(evaluations[0].result, picture)
    parts = []
    for evaluation in evaluations:
        found = shot_results(evaluation.result)
        parts += [explanation(evaluation.result), found.markdown().rstrip(), on_validation(found)]
    parts.append(f"![top-1 over images a class]({link})")
    if networks:
        parts.append("\n".join(["The networks:", "", *map(network, networks)]))
    parts.append("\n".join(["```", *map(command, [*networks, *evaluations]), "```"]))
    parts.append("\n".join(made_with(networks)))
    return "\n\n".join(part for part in parts if part) + "\n"


def shot_results(result: dict[str, Any]) -> ShotResults:
    """The accuracies in a result file."""
    scores = {
        (row["method"], row["shots"], row["seed"]): Scores(row["val_top1"], row["top1"])
        for row in result["accuracies"]
    }
    return ShotResults(result["data"]["name"], result["split"], scores)


def draw(result: dict[str, Any], picture: Path) -> None:
    """Accuracy over shots; the same results give the same bytes."""
    found, options = shot_results(result), result["few_shot_clip"]
    values = {method: found.values(method) for method in options["methods"]}
    title = f"{result['data']['name']}, {result['backbone']}"
    plot_shots(require_plots(), picture, title, options["shots"], values)


def explanation(result: dict[str, Any]) -> str:
    """What is measured, in words."""
    classes, options = result["class_names"], result["few_shot_clip"]
    names = [str(one["name"] or one["pretrained"]) for one in result["amu"]["auxiliary"]]
    shown = ", ".join(classes) if len(classes) <= 10 else f"{len(classes)} classes"
    searched = "searched on" if options["search"] else "given, not searched on"
    return (
        f"Top-1 on {result['test_images']:,} {result['split']} images of {shown}; CLIP "
        f"{result['backbone']}, beside it {', '.join(names)}.\nMean ± standard deviation over "
        f"{len(options['seeds'])} draws of the training images; what weighs the parts is "
        f"{searched} min(shots, 4) validation images a class."
    )


def on_validation(results: ShotResults) -> str:
    """How often the fused logits are as good as both branches alone."""
    methods = {method for method, _, _ in results.scores}
    if not {"amu", *BRANCHES} <= methods:
        return ""
    counts = []
    for purpose in ("val", "test"):
        fused = results.values("amu", purpose)
        as_good = [fused >= results.values(branch, purpose) for branch in BRANCHES]
        counts.append(int((as_good[0] & as_good[1]).sum()))
    return (
        "The fused logits are at least as good as both branches alone in "
        f"{counts[0]} of {fused.size} draws on the validation images, in {counts[1]} on the "
        f"{results.split} images."
    )


def network(run: Run) -> str:
    """One line about a run."""
    result, metrics = run.result, run.result["metrics"]
    return (
        f"- {run.name}: {result['parameters']['total']:,} parameters, {metrics['top1']:.2f} % "
        f"top-1 on {metrics['images']:,} {result['split']} images, {result['updates']:,} updates, "
        f"{result['seconds'] / 60:.1f} minutes, seed {result['config']['seed']}"
    )
