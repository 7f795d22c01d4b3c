from __future__ import annotations

import subprocess
import sys

import pytest

import mindtune


@pytest.mark.parametrize("name", mindtune.__all__)
def test_public_names_exist(name):
    assert getattr(mindtune, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = mindtune.trian


def test_help_does_not_wait_for_mindspore():
    code = "import sys, mindtune.commands; sys.exit('mindspore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_backbones_and_datasets_are_listed():
    assert "vit_base_patch16_224" in mindtune.list_backbones()
    assert {"cifar10", "cub200", "digits", "folder", "imagenet"} <= set(mindtune.list_datasets())
