"""scripts/search_amu.py: a run for each lambda from one set of features."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from mindtune import cli

SCRIPT = Path(__file__).parents[2] / "scripts" / "search_amu.py"


@pytest.fixture
def search():
    spec = importlib.util.spec_from_file_location("search_amu", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.search


def test_the_best_value_on_validation_images(search, tmp_path):
    out = tmp_path / "search"
    argv = ["--shares", "0.2", "0.9", "--out", str(out), "--", "--smoke", "--method", "amu"]
    assert cli.run(search, argv) == 0
    found = json.loads((out / "search.json").read_text())
    assert [run["fused_share"] for run in found["runs"]] == [0.2, 0.9]
    assert found["best"]["val"] == max(run["val"] for run in found["runs"])
    for run in found["runs"]:
        result = json.loads((Path(run["run"]) / "result.json").read_text())
        assert result["config"]["amu"]["fused_share"] == run["fused_share"]
        assert result["selection"]["top1"] == run["val"]
    kept = len(list((out / "features").glob("*.npy")))
    assert kept == 2 * (2 + 2)  # of two networks: two views, validation and test images


def test_what_the_script_decides_is_not_an_option(search, capsys):
    assert cli.run(search, ["--", "--amu.fused_share", "0.5"]) != 0
    assert "--amu.fused_share: is set by this script" in capsys.readouterr().err
