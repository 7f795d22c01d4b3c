from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mindspore import Parameter, Tensor

from mindtune.engine.checkpoint import (
    BEST,
    LAST,
    PREVIOUS,
    Checkpoints,
    Position,
    newest_state,
    read_header,
    read_state,
)
from mindtune.errors import CheckpointError
from mindtune.weights.readers import read_tensors


def parameter(name: str, value: float, shape: tuple[int, ...] = (2, 3)) -> Parameter:
    return Parameter(Tensor(np.full(shape, value, np.float32)), name=name)


def checkpoints(
    folder: Path, value: float = 1.0, names: tuple[str, ...] = ("w", "b")
) -> Checkpoints:
    weights = [parameter(name, value) for name in names]
    state = [parameter("optimizer.step", value, ())]
    return Checkpoints(folder, weights, state, {"config": {"seed": 3}})


def test_a_state_is_restored_with_its_position(tmp_path):
    position = Position(
        epoch=2, images_in_epoch=160, step=25, best=71.5, best_epoch=1, best_step=12
    )
    checkpoints(tmp_path, 4.0).save_last(position)
    other = checkpoints(tmp_path, 0.0)
    assert other.restore(tmp_path / LAST) == position
    for restored in (*other.weights, *other.state):
        np.testing.assert_array_equal(restored.asnumpy(), np.full(restored.shape, 4.0))


def test_the_state_before_is_kept_and_taken_when_the_last_is_truncated(tmp_path):
    for step in (1, 2, 3):
        checkpoints(tmp_path, step).save_last(Position(step=step))
    assert sorted(p.name for p in tmp_path.iterdir()) == [LAST, PREVIOUS]
    assert newest_state(tmp_path) == (tmp_path / LAST, [])
    content = (tmp_path / LAST).read_bytes()
    (tmp_path / LAST).write_bytes(content[:-7])
    path, faults = newest_state(tmp_path)
    assert path == tmp_path / PREVIOUS
    assert read_state(path)[1]["position"]["step"] == 2
    assert len(faults) == 1
    assert LAST in faults[0]


def test_best_holds_plain_weights_that_any_tool_can_read(tmp_path):
    checkpoints(tmp_path, 4.0).save_best(Position(epoch=1))
    file = read_tensors(tmp_path / BEST)
    assert set(file.tensors) == {"w", "b"}
    assert read_header(tmp_path / BEST)["config"] == {"seed": 3}


@pytest.mark.parametrize("names", [("w",), ("w", "b", "extra"), ("w", "c")])
def test_a_state_of_another_network_changes_nothing(tmp_path, names):
    checkpoints(tmp_path, 4.0).save_last(Position())
    other = checkpoints(tmp_path, 0.0, names)
    with pytest.raises(CheckpointError, match="of another network or optimiser"):
        other.restore(tmp_path / LAST)
    for untouched in (*other.weights, *other.state):
        assert not untouched.asnumpy().any()


def test_weights_are_no_training_state(tmp_path):
    checkpoints(tmp_path).save_best(Position())
    with pytest.raises(CheckpointError, match="pass --pretrained instead of --resume"):
        checkpoints(tmp_path).restore(tmp_path / BEST)


def test_missing_and_foreign_files_are_named(tmp_path):
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        read_header(tmp_path / "nothing.safetensors")
    (tmp_path / "text.safetensors").write_text("hello, this is no checkpoint")
    with pytest.raises(CheckpointError, match=r"text\.safetensors: truncated or no safetensors"):
        read_header(tmp_path / "text.safetensors")
