"""The features of a backbone in two dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mindtune.report.run_files import RunFiles
from mindtune.report.scatter_chart import ScatterChart, scatter_chart
from mindtune.report.section import Section


@dataclass(frozen=True)
class Features:
    """Charts of the same images."""

    about: str
    charts: list[ScatterChart]


def features(run: RunFiles) -> list[Section]:
    """Of every ``--protocol pictures``."""
    return [
        _section(name, found)
        for name, found in run.evaluations.items()
        if found.get("protocol") == "pictures"
    ]


def _section(name: str, found: dict[str, Any]) -> Section:
    labels, names = np.array(found["labels"]), found["class_names"]
    explained = 100 * sum(found["pca_explained"])
    titles = {"tsne": "t-SNE", "pca": f"PCA, {explained:.0f} % of the variance"}
    charts = [
        scatter_chart(title, np.array(found[key]), labels, names) for key, title in titles.items()
    ]
    about = (
        f"{len(labels):,} images of {len(names)} classes of the {found['split']} split. In t-SNE "
        "neighbourhoods mean something, distances between groups do not."
    )
    title = f"Features in two dimensions, {found['split']}"
    return Section(title, "features", Features(about, charts), f"features_{name}")
