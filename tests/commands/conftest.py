"""A user's view of the package: commands, their exit codes, and the folders they leave."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from mindtune import cli, commands

DATA = Path(__file__).parents[1] / "data"
PHOTOGRAPHS = ("locomotive", "zebra")


@dataclass(frozen=True)
class Outcome:
    """What a command left on the terminal, C++ messages included."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written outside, wherever ``--out`` is left to its default."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Command:
    """Run ``train``, ``evaluate`` or ``export`` with a command line, in this process."""

    def run(name: str, *argv: object) -> Outcome:
        capfd.readouterr()
        code = cli.run(getattr(commands, name), [str(word) for word in argv])
        return Outcome(code, *capfd.readouterr())

    return run


@pytest.fixture
def write_photographs() -> Callable[..., Path]:
    """Write ``root/<split>/<class>/<n>.jpg``: views of one real photograph a class."""
    originals = [Image.open(DATA / "images" / f"{name}.jpg") for name in PHOTOGRAPHS]

    def write(root: Path, counts: dict[str, int], classes: tuple[str, ...] = PHOTOGRAPHS) -> Path:
        for split, count in counts.items():
            for label, name in enumerate(classes):
                folder = root / split / name
                folder.mkdir(parents=True)
                photograph = originals[label % len(originals)]
                for number in range(count):
                    view = photograph.rotate(5 * number + label).resize((48, 40))
                    view.save(folder / f"{number}.jpg")
        return root

    return write


@contextmanager
def _elsewhere(folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A finished smoke run with the given options; trained once, so copy it before changing it."""
    runs: dict[tuple[str, ...], Path] = {}

    def train(*options: str) -> Path:
        if options not in runs:
            folder = tmp_path_factory.mktemp("trained")
            with _elsewhere(folder):
                argv = ["--smoke", "--out", str(folder / "run"), *options]
                assert cli.run(commands.train, argv) == 0
            runs[options] = folder / "run"
        return runs[options]

    return train


@pytest.fixture
def run_folder(trained: Callable[..., Path], tmp_path: Path) -> Path:
    """A finished linear probe on digits, this test's own copy."""
    return Path(shutil.copytree(trained(), tmp_path / "run"))
