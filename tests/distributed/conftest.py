"""Jobs of several ranks: a folder of its own for each, and nothing left running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from launched_jobs import Starter


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Starts jobs in the test's folder."""
    starter = Starter(tmp_path)
    yield starter
    starter.clear()


@pytest.fixture(scope="module")
def start_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """Starts jobs that several tests share."""
    starter = Starter(tmp_path_factory.mktemp("jobs"))
    yield starter
    starter.clear()
