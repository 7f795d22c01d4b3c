"""Methods by name."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

import mindtune
from mindtune.config import RunConfig
from mindtune.errors import ConfigError
from mindtune.methods import table


@pytest.fixture
def methods(monkeypatch):
    """The methods there are, for a test to add to."""
    known = dict(table._METHODS)
    monkeypatch.setattr(table, "_METHODS", known)
    return known


def test_a_registered_method_is_what_train_builds(methods, tmp_path):
    asked = []

    def build(run):
        asked.append(run.config.method)
        raise ConfigError("built")

    mindtune.register_method("mine", build)
    assert "mine" in mindtune.list_methods()
    with pytest.raises(ConfigError, match="^built$"):
        mindtune.train(replace(RunConfig(), method="mine"), tmp_path / "run")
    assert asked == ["mine"]


def test_a_name_is_registered_once(methods):
    with pytest.raises(ValueError, match="'smkd' is registered twice"):
        mindtune.register_method("smkd", partial(print, "unused"))


def test_an_unknown_method_names_the_known_ones(tmp_path):
    with pytest.raises(ConfigError, match=r"^method: got 'distil', expected one of 'supervised', "):
        mindtune.train(replace(RunConfig(), method="distil"), tmp_path / "run")
    assert not list(tmp_path.iterdir())
