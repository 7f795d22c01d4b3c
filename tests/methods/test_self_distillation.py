"""What methods ibot and smkd are made of: what trains, what follows, what they start from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor

import smkd_golden
from mindtune.config import RunConfig
from mindtune.data.class_pairs import Pairing
from mindtune.data.datasets import create_dataset
from mindtune.data.masks import MaskSampler
from mindtune.data.splits import Subset
from mindtune.data.view_loader import ViewLoader
from mindtune.data.views import Views
from mindtune.engine.follower import Follower
from mindtune.engine.optim import AdamW, decay_of
from mindtune.engine.scheduled import StepParts
from mindtune.engine.step import TrainStep
from mindtune.errors import ConfigError, WeightsError
from mindtune.methods.teacher_neighbours import class_halves
from mindtune.objectives.smkd import SmkdObjective
from mindtune.parameters import named_weights, weights_of
from mindtune.self_distilled_pair import build_pair, start_pair
from mindtune.weights.save import save_safetensors


def config(**changes) -> RunConfig:
    run = RunConfig(method="smkd")
    run.backbone.name, run.tuning.modes = "vit_test", ["full"]
    options = run.self_distillation
    options.views.local_size, options.views.local_crops = 16, 2
    options.projection.out_dim, options.projection.hidden_dim = 24, 32
    options.projection.bottleneck_dim = 8
    for key, value in changes.items():
        setattr(run, key, value)
    return run


def small_loader() -> ViewLoader:
    digits = create_dataset("digits", None, "train")
    chosen = [int(np.flatnonzero(digits.labels == label)[n]) for label in range(4) for n in (0, 1)]
    pairing = Pairing(10)
    views = Views(32, (0.9, 1.0), 16, (0.5, 0.9), 2)
    masks = MaskSampler((4, 4))
    prepared = smkd_golden.Preprocessing(32)
    loader = ViewLoader(Subset(digits, chosen), views, masks, prepared, 8, 1, pairing)
    return loader.for_epochs(40)


def test_eight_real_images_are_learnt_and_only_the_student_learns():
    """Every weight of the student moves by its gradient; the teacher exactly as the average."""
    pair = build_pair(config())
    objective = SmkdObjective(pair, mim_weight=1.0)
    for temperature in (objective.temp, objective.patch_temp):
        temperature.set_data(Tensor(np.float32(0.07)))
    trained = [p for p in weights_of(pair) if p.requires_grad]
    assert {p.name.split(".")[0] for p in trained} == {"student"}
    follower = Follower(pair.pairs())
    follower.share.set_data(Tensor(np.float32(0.1)))
    parts = StepParts(follower=follower, state=objective.state())
    step = TrainStep(objective, trained, AdamW(trained, 0.0), clip_each=3.0, parts=parts)
    loader = small_loader()
    before = {p.name: p.asnumpy().copy() for p in weights_of(pair)}
    losses = []
    for epoch in range(40):
        columns = tuple(Tensor(column) for column in next(loader.epoch(epoch)))
        losses.append(step(np.array([3e-3]), epoch, [columns]).loss())
        if epoch == 0:
            after = {p.name: p.asnumpy() for p in weights_of(pair)}
            unmoved = [n for n in before if np.array_equal(before[n], after[n])]
            assert unmoved == []
            for student, teacher in pair.pairs():
                expected = 0.9 * before[teacher.name] + 0.1 * after[student.name]
                np.testing.assert_allclose(after[teacher.name], expected, rtol=1e-4, atol=1e-6)
    assert np.mean(losses[-5:]) < 0.75 * np.mean(losses[:5])
    assert np.isfinite(losses).all()
    assert {p.name for p in step.state()} >= {"centre", "patch_centre"}


def test_all_but_vectors_are_decayed_as_the_authors_do():
    pair = build_pair(config())
    undecayed = [p for p in weights_of(pair.student) if decay_of(p, 0.1) == 0]
    assert all(p.ndim == 1 for p in undecayed)
    assert sum(p.ndim == 1 for p in weights_of(pair.student)) == len(undecayed)


def saved(folder: Path, prefixes: tuple[str, ...], **changes) -> tuple[str, dict[str, np.ndarray]]:
    """A file of a pair's networks under ``prefixes`` for (student, teacher)."""
    pair = build_pair(config(**changes))
    rng = np.random.default_rng(5)
    tensors = {}
    for network, prefix in zip((pair.student, pair.teacher), prefixes):
        for name, parameter in named_weights(network).items():
            tensors[prefix + name] = rng.standard_normal(parameter.shape).astype(np.float32)
    path = folder / "weights.safetensors"
    save_safetensors(path, tensors, {})
    return str(path), tensors


def values(pair) -> dict[str, np.ndarray]:
    return {name: p.asnumpy() for name, p in named_weights(pair).items()}


def test_second_phase_starts_both_networks_from_the_first(tmp_path):
    given, tensors = saved(tmp_path, ("student.", "teacher."))
    run = config(pretrained=given)
    pair = build_pair(run)
    lines: list[str] = []
    start_pair(pair, run, lines.append)
    for name, value in values(pair).items():
        np.testing.assert_array_equal(value, tensors[name], err_msg=name)
    assert len(lines) == 2
    assert all("new" not in line for line in lines)


def test_one_network_starts_both(tmp_path):
    given, tensors = saved(tmp_path, ("student.", "teacher."))
    run = config(pretrained=given, pretrained_key="teacher")
    pair = build_pair(run)
    start_pair(pair, run, print)
    found = values(pair)
    for name, value in tensors.items():
        if name.startswith("teacher."):
            np.testing.assert_array_equal(found[name], value)
            np.testing.assert_array_equal(found[name.replace("teacher", "student", 1)], value)


def test_a_plain_backbone_starts_both_with_new_heads(tmp_path):
    given, tensors = saved(tmp_path, ("student.", "teacher."))
    tensors = {
        n.removeprefix("teacher.backbone."): t
        for n, t in tensors.items()
        if n.startswith("teacher.backbone.")
    }
    save_safetensors(given, {**tensors, "head.weight": np.zeros((3, 24), np.float32)}, {})
    run = config(pretrained=given)
    pair = build_pair(run)
    lines: list[str] = []
    start_pair(pair, run, lines.append)
    np.testing.assert_array_equal(values(pair)["student.backbone.pos_embed"], tensors["pos_embed"])
    assert "new: masked_embed" in lines[0]
    for student, teacher in pair.pairs():
        np.testing.assert_array_equal(student.asnumpy(), teacher.asnumpy())


def test_prototypes_of_another_number_are_refused_or_left_out(tmp_path):
    given, _ = saved(tmp_path, ("student.", "teacher."))
    run = config(pretrained=given)
    run.self_distillation.projection.out_dim = 25
    with pytest.raises(WeightsError, match="head.last_layer.weight_v"):
        start_pair(build_pair(run), run, print)
    run.self_distillation.projection.reset = True
    start_pair(build_pair(run), run, print)


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("tuning", "modes", ["linear"], r"tuning.modes: got \['linear'\] with method smkd"),
        ("backbone", "name", "swin_test", "backbone.name: got swin_test with method smkd"),
        ("backbone", "image_size", 36, "expected a multiple of the patch size 8"),
    ],
)
def test_other_networks_are_refused(section, key, value, message):
    run = config()
    setattr(getattr(run, section), key, value)
    with pytest.raises(ConfigError, match=message):
        build_pair(run)


def test_halves_share_every_class():
    labels = np.array([2, 0, 2, 2, 1, 0, 0, 0])
    first, second = class_halves(labels)
    assert sorted([*first, *second]) == list(range(8))
    assert np.bincount(labels[first]).tolist() == [2, 1, 2]
    assert np.bincount(labels[second]).tolist() == [2, 0, 1]
