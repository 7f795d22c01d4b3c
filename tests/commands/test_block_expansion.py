"""A Block Expansion run as a user makes it: from a plain file, and judged from its own folder."""

from __future__ import annotations

import json

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn
from safetensors.numpy import load_file

from mindtune.onnx_graph.run import run_onnx

EXPANDED = (
    "--tuning.modes", "[block_expansion]", "--tuning.block_expansion.num_blocks", "1",
    "--optim.lr", "0.01", "--schedule.min_lr", "1e-3",
)  # fmt: skip


def test_trains_new_blocks_between_loaded_ones(trained, command, tmp_path) -> None:
    base, run = trained("--tuning.modes", "[full]"), tmp_path / "run"
    said = command("train", "--smoke", *EXPANDED, "--pretrained", base, "--out", run)
    assert said.code == 0, said.err
    assert "new: blocks.2.norm1.weight" in said.out
    before = load_file(base / "checkpoints" / "best.safetensors")
    last = load_file(run / "checkpoints" / "last.safetensors")
    after = {name[6:]: a for name, a in last.items() if name.startswith("model/")}
    new = {name for name in after if name.startswith("blocks.2.")}
    assert set(after) == set(before) | new
    changed = {n for n in before if not np.array_equal(after[n], before[n])}
    assert changed == {"head.weight", "head.bias"}
    source = {name: before[name.replace("blocks.2", "blocks.1")] for name in new}
    assert all(not np.array_equal(after[name], source[name]) for name in new)
    assert np.abs(after["blocks.2.mlp.fc2.weight"]).max() < 0.2
    assert all(
        np.abs(after[n] - source[n]).max() < 0.2 for n in new if "fc2" not in n and "proj" not in n
    )

    assert command("evaluate", "--pretrained", run).code == 0
    found, expected = (
        json.loads((run / name).read_text())["metrics"]
        for name in ("eval_test.json", "result.json")
    )
    assert found == expected
    for form in ("MINDIR", "ONNX"):
        assert command("export", "--pretrained", run, "--file_format", form).code == 0
    images = np.random.default_rng(0).standard_normal((3, 3, 32, 32)).astype(np.float32)
    graph = nn.GraphCell(ms.load(str(run / "model.mindir")))
    logits = run_onnx(run / "model.onnx", images)
    np.testing.assert_allclose(graph(Tensor(images)).asnumpy(), logits, rtol=0, atol=1e-5)

    said = command("train", "--smoke", "--pretrained", run, "--out", tmp_path / "other")
    assert "the file has 3 blocks, the network 2" in said.err
    more = [*EXPANDED, "--pretrained", run, "--out", tmp_path / "more"]
    said = command("train", "--smoke", *more)
    assert said.code == 0, said.err
    assert "new: head.weight, head.bias" in said.out
