from __future__ import annotations

import mindspore as ms
import pytest

from mindtune.backbones import create_backbone
from mindtune.methods.token_shape import token_shape


@pytest.mark.parametrize(
    ("name", "size", "shape"),
    [("vit_test", None, (17, 24)), ("vit_test", 48, (37, 24)), ("swin_test", None, (16, 32))],
)
def test_tokens_are_counted_and_the_mode_is_kept(name, size, shape):
    assert token_shape(create_backbone(name, size)) == shape
    assert ms.get_context("mode") == ms.GRAPH_MODE
