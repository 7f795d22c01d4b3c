"""Losses, gradients and centres of iBOT and SMKD against the authors' code."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import ParameterTuple, Tensor, nn, ops

import smkd_golden
from mindtune.data.class_pairs import filled, members, partners
from mindtune.objectives.ibot import IbotObjective
from mindtune.objectives.self_distillation import SelfDistillation
from mindtune.objectives.smkd import SmkdObjective
from mindtune.parameters import weights_of

LABELS = smkd_golden.LOSSES["in/labels"]
CASES = {
    "phase2": {},
    "phase2_weighted": {"attention_weighted": True},
    "all": {"mim_weight": 1.0},
}


def batch(labels: np.ndarray, weighted: bool = False) -> tuple[Tensor, ...]:
    found = members(labels) if weighted else partners(labels)
    pairs = [Tensor(column) for column in filled(found, 32)]
    before, after = smkd_golden.crops()
    return (*before, Tensor(labels.astype(np.int32)), *pairs, *after)


def prepared(objective: SelfDistillation) -> SelfDistillation:
    centres = smkd_golden.LOSSES["in/center"], smkd_golden.LOSSES["in/center2"][0]
    for centre, value in zip((objective.centre, objective.patch_centre), centres):
        centre.value.set_data(Tensor(value))
    for temperature in (objective.temp, objective.patch_temp):
        temperature.set_data(Tensor(np.float32(smkd_golden.TEMPERATURE)))
    return objective


class Differentiated(nn.Cell):
    """Loss, terms and all gradients of the student, compiled."""

    def __init__(self, objective: SelfDistillation) -> None:
        super().__init__(auto_prefix=False)
        self.objective = objective
        self.trained = [p for p in weights_of(objective.network) if p.requires_grad]
        self.value_and_grad = ops.value_and_grad(
            objective, None, ParameterTuple(self.trained), has_aux=True
        )

    def construct(self, *columns):
        return self.value_and_grad(*columns)

    def results(self, columns: tuple[Tensor, ...]) -> tuple[float, dict, dict]:
        (loss, terms), gradients = self(*columns)
        named_terms = dict(zip(self.objective.term_names, (float(t.asnumpy()) for t in terms)))
        names = [p.name.removeprefix("student.") for p in self.trained]
        return (
            float(loss.asnumpy()),
            named_terms,
            dict(zip(names, (g.asnumpy() for g in gradients))),
        )


def assert_golden(case: str, objective: SelfDistillation, columns: tuple[Tensor, ...]) -> None:
    golden = {k.split("/", 2)[2]: v for k, v in smkd_golden.LOSSES.items() if f"/{case}/" in k}
    loss, terms, gradients = Differentiated(objective).results(columns)
    assert loss == pytest.approx(golden["loss"], abs=1e-5)
    for name, value in terms.items():
        assert value == pytest.approx(golden[name], abs=1e-5), name
    expected = {k.removeprefix("grad/"): v for k, v in golden.items() if k.startswith("grad/")}
    assert len(expected) == 5
    for name, value in expected.items():
        np.testing.assert_allclose(gradients[name], value, rtol=0, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(objective.centre.value.asnumpy(), golden["center"], atol=1e-5)
    moved = objective.patch_centre.value.asnumpy()
    np.testing.assert_allclose(moved, golden["center2"][0], atol=1e-5)


@pytest.mark.parametrize("chunk_rows", [7, 2048])
def test_first_phase_equals_the_authors(chunk_rows):
    objective = IbotObjective(smkd_golden.network(), chunk_rows=chunk_rows)
    before, after = smkd_golden.crops()
    assert_golden("phase1", prepared(objective), (*before, *after))


@pytest.mark.parametrize("case", CASES)
def test_second_phase_equals_the_authors(case):
    options = CASES[case]
    objective = SmkdObjective(
        smkd_golden.network(), patch_match="released", chunk_rows=100, **options
    )
    columns = batch(LABELS, options.get("attention_weighted", False))
    assert_golden(case, prepared(objective), columns)
