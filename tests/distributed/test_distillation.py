"""Feature Distillation on two ranks is the run of one rank with the double batch."""

from __future__ import annotations

import json

import numpy as np
from safetensors.numpy import load_file

from launched_jobs import TRAIN, Starter
from mindtune import cli, commands

OPTIONS = (
    "--smoke --method feature_distillation --tuning.modes [full] --backbone.drop_path 0.3 "
    "--optim.eps 1e-6 --optim.clip_norm 1 --optim.layer_decay 0.6 --distillation.select knn_top1 "
    "--knn.k [5] --evaluation.batch_size 50"
)


def test_two_ranks_distil_what_one_distils(start_once: Starter, tmp_path) -> None:
    two, one = start_once.folder / "distilled", tmp_path / "one"
    job = start_once.mpirun(TRAIN, *OPTIONS.split(), "--batch_size", 8, "--out", two)
    assert cli.run(commands.train, [*OPTIONS.split(), "--batch_size", "16", "--out", str(one)]) == 0
    assert job.wait() == 0, job.err.read_text()
    found, wanted = (load_file(r / "checkpoints" / "last.safetensors") for r in (two, one))
    assert sorted(found) == sorted(wanted)
    for key, value in wanted.items():
        scale = np.max(np.abs(value), initial=1e-30)
        np.testing.assert_allclose(found[key] / scale, value / scale, atol=1e-5, err_msg=key)
    found, wanted = (json.loads((r / "result.json").read_text()) for r in (two, one))
    assert found["metrics"]["images"] == wanted["metrics"]["images"]
    for name in ("distillation_loss", "knn_top1"):
        np.testing.assert_allclose(found["metrics"][name], wanted["metrics"][name], rtol=1e-4)
