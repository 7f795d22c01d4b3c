"""Weights of teachers: the backbone of any file, whatever else is in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mindspore import nn

from mindtune.backbones import create_backbone, create_clip
from mindtune.errors import WeightsError
from mindtune.heads.linear import LINEAR_HEADS
from mindtune.networks.classifier import Classifier
from mindtune.networks.student import Student
from mindtune.parameters import named_weights
from mindtune.pretrained import load_teacher, read_pretrained
from mindtune.weights.save import save_safetensors
from timm_weights import fill_as_timm


def written(network: nn.Cell, folder: Path, prefix: str = "") -> Path:
    """A file of ``network`` with weights that its names say."""
    fill_as_timm(network)
    file = folder / "teacher.safetensors"
    arrays = {f"{prefix}{p.name}": p.asnumpy() for p in named_weights(network).values()}
    save_safetensors(file, arrays, {})
    return file


def with_head(name: str) -> Classifier:
    backbone = create_backbone(name)
    head = LINEAR_HEADS[backbone.classifier]
    return Classifier(backbone, head(backbone.num_features, 5, backbone.num_prefix_tokens))


@pytest.mark.parametrize("name", ["vit_test", "swin_test", "resnet_test", "fd_vit_test"])
def test_classifier_teaches_without_its_head(name, tmp_path):
    source = with_head(name)
    teacher = create_backbone(name)
    report = load_teacher(teacher, read_pretrained(str(written(source, tmp_path))))
    assert len(report.dropped) == 2
    assert report.new == ()
    for place, parameter in named_weights(source.backbone).items():
        np.testing.assert_array_equal(named_weights(teacher)[place].asnumpy(), parameter.asnumpy())


def test_clip_teaches_without_its_texts_and_projection(tmp_path):
    source, teacher = create_clip("vit_clip_test"), create_backbone("vit_clip_test")
    report = load_teacher(teacher, read_pretrained(str(written(source, tmp_path))))
    assert {"visual.proj", "text_projection", "token_embedding.weight"} <= set(report.dropped)
    own = named_weights(source)
    for place, parameter in named_weights(teacher).items():
        np.testing.assert_array_equal(parameter.asnumpy(), own[place].asnumpy())


def test_student_teaches_without_its_projector(tmp_path):
    source = Student(create_backbone("fd_vit_test_student"), 7)
    report = load_teacher(
        create_backbone("fd_vit_test_student"), read_pretrained(str(written(source, tmp_path)))
    )
    assert set(report.dropped) == {"projector.weight", "projector.bias"}


def test_a_teacher_is_loaded_whole_or_not_at_all(tmp_path):
    file = written(create_backbone("vit_test"), tmp_path)
    with pytest.raises(WeightsError, match="does not fit"):
        load_teacher(create_backbone("vit_layer_scale_test"), read_pretrained(str(file)))
