"""Tables of accuracies over shots and seeds."""

from __future__ import annotations

import csv
import io

import pytest

from mindtune.evaluation.shot_results import Scores, ShotResults

RESULTS = ShotResults(
    "folder",
    "test",
    {
        ("zero_shot", 1, 5): Scores(10, 20),
        ("amu", 1, 5): Scores(30, 40, (("alpha", 0.5),)),
        ("zero_shot", 1, 6): Scores(10, 20),
        ("amu", 1, 6): Scores(50, 46, (("alpha", 2.0),)),
        ("zero_shot", 4, 5): Scores(10, 20),
        ("amu", 4, 5): Scores(70, 60, (("alpha", 1.0),)),
        ("zero_shot", 4, 6): Scores(10, 20),
        ("amu", 4, 6): Scores(90, 61, (("alpha", 1.0),)),
    },
)


def test_means_and_unbiased_deviations():
    metrics = RESULTS.metrics()
    assert (metrics["zero_shot_1shot"], metrics["zero_shot_4shot_std"]) == (20, 0)
    assert metrics["amu_1shot"] == 43
    assert metrics["amu_1shot_std"] == pytest.approx(18**0.5)
    assert list(metrics)[:2] == ["zero_shot_1shot", "zero_shot_1shot_std"]


def test_one_seed_has_no_deviation():
    alone = {key: scores for key, scores in RESULTS.scores.items() if key[2] == 5}
    assert ShotResults("folder", "test", alone).metrics()["amu_1shot_std"] == 0


def test_values_for_the_figure():
    assert RESULTS.values("amu").tolist() == [[40, 46], [60, 61]]
    assert RESULTS.values("amu", "val").tolist() == [[30, 50], [70, 90]]


def test_tables():
    assert RESULTS.markdown().splitlines() == [
        "| folder test, top-1 (%) | 1-shot | 4-shot |",
        "| --- | --: | --: |",
        "| zero_shot | 20.00 ± 0.00 | 20.00 ± 0.00 |",
        "| amu | 43.00 ± 4.24 | 60.50 ± 0.71 |",
    ]
    rows = list(csv.DictReader(io.StringIO(RESULTS.csv())))
    assert len(rows) == 8
    assert rows[3] == {"data": "folder", "method": "amu", "shots": "1", "seed": "6",
                       "val_top1": "50", "top1": "46", "alpha": "2.0"}  # fmt: skip
    assert rows[0]["alpha"] == ""
