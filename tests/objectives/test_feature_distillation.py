"""Feature Distillation's loss against its authors' figures and a derivation in NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mindspore import ParameterTuple, Tensor, nn, ops
from mindspore import dtype as mstype

from golden import golden_input
from mindtune.backbones import SharedBiasViT, ViTArchitecture, create_backbone
from mindtune.engine.optim import AdamW
from mindtune.engine.step import TrainStep
from mindtune.networks.student import Student
from mindtune.objectives.feature_distillation import FeatureDistances, FeatureDistillationObjective
from mindtune.objectives.teacher import Teacher
from mindtune.parameters import weights_of
from mindtune.preprocessing import Preprocessing
from mindtune.weights.load import load_weights
from timm_weights import fill_as_timm

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "golden" / "feature_distillation_loss.npz")
AUTHORS = "fd_loss/param/encoder."


class Said(nn.Cell):
    """A network that answers ``tokens`` to everything."""

    def __init__(self, tokens: np.ndarray) -> None:
        super().__init__()
        self.tokens = Tensor(tokens)

    def construct(self, images: Tensor) -> Tensor:
        return self.tokens


def golden_student(tmp_path: Path) -> Student:
    arch = ViTArchitecture(8, 32, 2, 4, init_values=0.1)
    backbone = SharedBiasViT(arch, Preprocessing(32))
    weights = {k[len(AUTHORS) :]: GOLDEN[k] for k in GOLDEN.files if k.startswith(AUTHORS)}
    np.savez(tmp_path / "authors.npz", **weights)
    load_weights(backbone, tmp_path / "authors.npz")
    student = Student(backbone, 768)
    student.projector.weight.set_data(Tensor(GOLDEN["fd_loss/param/decoder.0.weight"][..., 0]))
    student.projector.bias.set_data(Tensor(GOLDEN["fd_loss/param/decoder.0.bias"]))
    return student


def test_loss_and_gradients_are_the_authors(tmp_path):
    student = golden_student(tmp_path)
    teacher = Said(GOLDEN["fd_loss/teacher_feature_before_whitening"])
    objective = FeatureDistillationObjective(FeatureDistances(student, teacher, 768))
    parameters = ParameterTuple(weights_of(student))
    differentiate = ops.value_and_grad(objective, None, parameters, has_aux=True)
    (loss, (term,)), gradients = differentiate(Tensor(GOLDEN["fd_loss/in"]))
    np.testing.assert_allclose(float(loss), GOLDEN["fd_loss/out"], atol=1e-5)
    assert float(term) == float(loss)
    found = {p.name: g.asnumpy() for p, g in zip(parameters, gradients)}
    found["decoder.0.weight"] = found["projector.weight"][..., None]
    for key in (k for k in GOLDEN.files if k.startswith("fd_loss/grad/")):
        name = key[len("fd_loss/grad/") :].replace("encoder.", "")
        np.testing.assert_allclose(found[name], GOLDEN[key], rtol=0, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("beta", [2.0, 0.5])
def test_distances_follow_their_definition(beta):
    rng = np.random.default_rng(0)
    found = (4 * rng.standard_normal((3, 5, 7))).astype(np.float32)
    wanted = (2 + 3 * rng.standard_normal((3, 5, 7))).astype(np.float32)
    wide = wanted.astype(np.float64)
    mean, var = wide.mean(-1, keepdims=True), wide.var(-1, keepdims=True)
    gap = np.abs(found - (wide - mean) / np.sqrt(var + 1e-5))
    assert (gap < beta).any()
    assert (gap > beta).any()
    expected = np.where(gap < beta, gap**2 / (2 * beta), gap - beta / 2).mean((1, 2))
    distances = FeatureDistances(Said(found), Said(wanted), 7, beta)
    images = Tensor(np.zeros((3, 3, 4, 4), np.float32))
    np.testing.assert_allclose(distances(images).asnumpy(), expected, rtol=1e-5)


def test_fresh_student_starts_near_a_third():
    """Whitened targets have variance 1, fresh projected tokens a third: 0.325 is to be expected."""
    student = Student(create_backbone("fd_vit_test_student"), 768)
    wanted = np.random.default_rng(0).standard_normal((2, 17, 768)).astype(np.float32)
    distances = FeatureDistances(student, Said(wanted), 768)
    loss = distances(golden_input("image", (2, 3, 32, 32))).asnumpy().mean()
    assert loss == pytest.approx(0.325, abs=0.01)


def followers() -> tuple[Student, Teacher, FeatureDistillationObjective]:
    student = Student(create_backbone("fd_vit_test_student", drop_path=0.2), 24)
    backbone = create_backbone("vit_test", drop_path=0.9)
    fill_as_timm(backbone)
    teacher = Teacher(backbone, student.preprocessing)
    return student, teacher, FeatureDistillationObjective(FeatureDistances(student, teacher, 24))


def test_gradients_reach_student_and_projector_and_nothing_else():
    student, teacher, objective = followers()
    fill_as_timm(student)
    everything = ParameterTuple([*weights_of(student), *weights_of(teacher)])
    objective.set_train(True)
    differentiate = ops.value_and_grad(objective, None, everything, has_aux=True)
    _, gradients = differentiate(golden_input("image", (2, 3, 32, 32)))
    reached = [p.name for p, g in zip(everything, gradients) if np.abs(g.asnumpy()).max() > 0]
    assert reached == [p.name for p in weights_of(student)]
    assert not any(p.requires_grad for p in teacher.get_parameters())


def test_eight_images_are_learnt_by_heart():
    student, teacher, objective = followers()
    images = golden_input("image", (8, 3, 32, 32))
    weights = weights_of(student)
    before = [p.asnumpy() for p in weights_of(teacher)]
    step = TrainStep(objective, weights, AdamW(weights, 0.0))
    losses = [step(1e-2, 0, [(images,)]).loss() for _ in range(150)]
    assert losses[0] == pytest.approx(0.33, abs=0.1)
    assert losses[-1] < 0.1 * losses[0]
    for parameter, value in zip(weights_of(teacher), before):
        np.testing.assert_array_equal(parameter.asnumpy(), value)


def test_half_precision_tokens_are_compared_in_float32():
    tokens = np.random.default_rng(0).standard_normal((2, 5, 7)).astype(np.float32)
    student = Said(tokens)
    student.tokens = Tensor(tokens, mstype.float16)
    found = FeatureDistances(student, Said(tokens), 7)(Tensor(np.zeros((2, 3, 4, 4), np.float32)))
    assert found.dtype == mstype.float32
