"""Few-shot classification by a CLIP, and what is added to it: tables and a plot.

The runs are those of train.py, the networks, and folders of protocol few_shot_clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from results_table import command, made_with

from chapters.pictures import Pictures
from chapters.run import RESULT, Run
from mindtune.errors import CheckpointError
from mindtune.evaluation.few_shot_plots import shots_figure
from mindtune.evaluation.shot_results import Scores, ShotResults

BRANCHES = ("zero_shot", "auxiliary")


def chapter(runs: Sequence[Run], pictures: Pictures) -> str:
    """Markdown, with the figure of the first evaluation.

    Raises:
        CheckpointError: no evaluation among ``runs``.
        UserError: matplotlib is not installed.
    """
    networks = [run for run in runs if RESULT in run.files]
    evaluations = [
        Run(file, {RESULT: found})
        for run in runs
        for file, found in run.evaluations("few_shot_clip").items()
    ]
    if not evaluations:
        raise CheckpointError(
            "results of amu: got no evaluation, expected a folder of eval.py --protocol "
            "few_shot_clip"
        )
    parts = []
    for evaluation in evaluations:
        found = shot_results(evaluation.result)
        parts += [explanation(evaluation.result), found.markdown().rstrip(), on_validation(found)]
    first = evaluations[0].result
    parts.append(
        pictures.draw("amu", "top-1 over images a class", lambda pyplot: paint(pyplot, first))
    )
    if networks:
        parts.append("\n".join(["The networks:", "", *map(network, networks)]))
    parts.append("\n".join(["```", *map(command, [*networks, *evaluations]), "```"]))
    parts.append("\n".join(made_with(networks)))
    return "\n\n".join(part for part in parts if part)


def shot_results(result: dict[str, Any]) -> ShotResults:
    """The accuracies in a result file."""
    scores = {
        (row["method"], row["shots"], row["seed"]): Scores(row["val_top1"], row["top1"])
        for row in result["accuracies"]
    }
    return ShotResults(result["data"]["name"], result["split"], scores)


def paint(pyplot: ModuleType, result: dict[str, Any]) -> Any:
    """Accuracy over shots."""
    found, options = shot_results(result), result["few_shot_clip"]
    values = {method: found.values(method) for method in options["methods"]}
    title = f"{result['data']['name']}, {result['backbone']}"
    return shots_figure(pyplot, title, options["shots"], values)


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
