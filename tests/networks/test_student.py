from __future__ import annotations

import numpy as np
import pytest

from golden import golden_input
from mindtune.backbones import create_backbone
from mindtune.errors import WeightsError
from mindtune.heads.linear import LinearHead
from mindtune.networks.classifier import Classifier
from mindtune.networks.student import Student
from mindtune.weights.load import load_weights
from mindtune.weights.save import save_safetensors
from timm_weights import fill_as_timm


def test_projector_widens_the_chosen_tokens():
    student = Student(create_backbone("vit_test"), 40, first_token=1)
    fill_as_timm(student)
    images = golden_input("image", (2, 3, 32, 32))
    tokens = student.backbone(images)[0].asnumpy()[:, 1:]
    weight, bias = student.projector.weight.asnumpy(), student.projector.bias.asnumpy()
    np.testing.assert_allclose(student(images).asnumpy(), tokens @ weight.T + bias, atol=1e-4)


def test_projector_starts_uniformly():
    projector = Student(create_backbone("vit_mini_patch4_32"), 500).projector
    for parameter in (projector.weight, projector.bias):
        values, bound = parameter.asnumpy(), 96**-0.5
        assert np.abs(values).max() <= bound
        assert values.std() == pytest.approx(bound / np.sqrt(3), rel=0.1)


def test_groups_hold_every_weight_once():
    student = Student(create_backbone("fd_vit_test_student"), 40)
    groups = student.parameter_groups()
    assert list(groups) == ["embed", "blocks.0", "blocks.1", "norm", "projector"]
    grouped = [p.name for group in groups.values() for p in group]
    assert sorted(grouped) == sorted(p.name for p in student.get_parameters())


def test_student_is_tuned_without_its_projector(tmp_path):
    """Its shared biases go to every block; the projector is left out by name."""
    student = Student(create_backbone("fd_vit_test_student"), 40)
    fill_as_timm(student)
    file = tmp_path / "student.safetensors"
    save_safetensors(file, {p.name: p.asnumpy() for p in student.get_parameters()}, {})
    network = Classifier(create_backbone("fd_vit_test"), LinearHead(24, 5, 1))
    report = load_weights(network, file, new=["head"], dropped=["head"])
    assert set(report.dropped) >= {"projector.weight", "projector.bias"}
    shared = student.backbone.rel_pos_bias.relative_position_bias_table.asnumpy()
    for block in network.backbone.blocks:
        own = block.attn.relative_position_bias_table.asnumpy()
        np.testing.assert_array_equal(own, shared)
    with pytest.raises(WeightsError, match=r"has no classifier yet: tune it first"):
        load_weights(network, file)
