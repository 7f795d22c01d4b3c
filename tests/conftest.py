"""All tests run compiled graphs on the CPU, as a user's run does."""

from __future__ import annotations

import mindspore as ms
import pytest


@pytest.fixture(autouse=True, scope="session")
def _graph_mode_on_cpu() -> None:
    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_device("CPU")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    ms.set_seed(0)
