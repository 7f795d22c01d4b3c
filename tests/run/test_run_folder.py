"""What a run folder says of its run."""

from __future__ import annotations

import yaml

from mindtune.config import RunConfig
from mindtune.run.run_folder import CONFIG, write_config


def test_repeating_a_run_neither_removes_nor_continues_it(tmp_path):
    write_config(tmp_path, RunConfig(out="runs/birds", resume="auto", overwrite=True, seed=7))
    stored = yaml.safe_load((tmp_path / CONFIG).read_text())
    assert (stored["resume"], stored["overwrite"]) == (None, False)
    assert (stored["out"], stored["seed"]) == ("runs/birds", 7)
