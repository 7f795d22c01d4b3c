"""Comparisons with torch, transformers, peft and timm, where the extra ``parity`` is installed."""

from __future__ import annotations

import importlib.util

import pytest

_NEEDED = ("torch", "transformers", "timm", "peft")
collect_ignore_glob = [] if all(map(importlib.util.find_spec, _NEEDED)) else ["test_*.py"]


@pytest.fixture(autouse=True)
def _repeatable_and_operator_by_operator():
    """Compiling a graph for every network would take most of the time."""
    import mindspore as ms
    import torch

    torch.manual_seed(0)
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)
