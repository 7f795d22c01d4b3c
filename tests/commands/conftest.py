"""A user's view of the package: commands, their exit codes, and the folders they leave."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
from PIL import Image

from mindtune import cli, commands

DATA = Path(__file__).parents[1] / "data"
WEIGHTS = DATA / "weights"
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
                    view = photograph.rotate(36 * label + 5 * number).resize((40, 40))
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


class Mistakes:
    """Wrong inputs, made when a command line names them."""

    def __init__(
        self,
        folder: Path,
        trained: Callable[..., Path],
        write_photographs: Callable[..., Path],
    ) -> None:
        self.folder = folder
        self.trained = trained
        self.write_photographs = write_photographs
        self.out = folder / "out"
        self.weights = WEIGHTS

    def _yaml(self, text: str) -> Path:
        path = self.folder / "recipe.yaml"
        path.write_text(text)
        return path

    def _copy(self, run: Path) -> Path:
        return Path(shutil.copytree(run, self.folder / "run"))

    @cached_property
    def run(self) -> Path:
        return self._copy(self.trained())

    @cached_property
    def mp_plus_run(self) -> Path:
        return self._copy(self.trained("--tuning.modes", "[psrp]"))

    @cached_property
    def other_run(self) -> Path:
        return Path(shutil.copytree(self.trained(), self.folder / "other"))

    @cached_property
    def best(self) -> Path:
        return self.run / "checkpoints" / "best.safetensors"

    def _beside_best(self, name: str, source: Path) -> Path:
        return Path(shutil.copy(source, self.best.with_name(name)))

    @cached_property
    def foreign_state(self) -> Path:
        return self._beside_best("vit.safetensors", WEIGHTS / "b_timm_vit" / "vit.safetensors")

    @cached_property
    def text_state(self) -> Path:
        return self._beside_best("text.safetensors", WEIGHTS / "bad" / "text_renamed.pth")

    @cached_property
    def run_without_whole_state(self) -> Path:
        for name in ("last.safetensors", "previous.safetensors"):
            _cut_short(self.run / "checkpoints" / name)
        return self.run

    @cached_property
    def below_a_file(self) -> Path:
        file = self.folder / "file"
        file.write_text("not a folder")
        return file / "run"

    @cached_property
    def photos(self) -> Path:
        return self.write_photographs(self.folder / "photos", {"train": 4, "val": 1})

    @cached_property
    def photos_of_ten_classes(self) -> Path:
        names = tuple(str(n) for n in range(10))
        return self.write_photographs(self.folder / "photos", {"test": 1}, names)

    @cached_property
    def empty_class(self) -> Path:
        (self.photos / "train" / "yak").mkdir()
        return self.photos

    @cached_property
    def no_class(self) -> Path:
        (self.folder / "photos" / "train").mkdir(parents=True)
        return self.folder / "photos"

    @cached_property
    def other_val_classes(self) -> Path:
        (self.photos / "val" / "zebra").rename(self.photos / "val" / "yak")
        return self.photos

    @cached_property
    def truncated_photo(self) -> Path:
        _cut_short(self.photos / "train" / "zebra" / "2.jpg")
        return self.photos

    @cached_property
    def truncated_test_photo(self) -> Path:
        _cut_short(self.photos_of_ten_classes / "test" / "3" / "0.jpg")
        return self.photos_of_ten_classes

    @cached_property
    def unknown_key(self) -> Path:
        return self._yaml("epoch: 3")

    @cached_property
    def unknown_nested_key(self) -> Path:
        return self._yaml("optim: {lrr: 0.1}")

    @cached_property
    def wrong_type(self) -> Path:
        return self._yaml("optim: {lr: fast}")

    @cached_property
    def no_yaml(self) -> Path:
        return self._yaml("optim: {lr: 0.1\nepochs: [")


def _cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.fixture
def mistakes(
    tmp_path: Path, trained: Callable[..., Path], write_photographs: Callable[..., Path]
) -> Mistakes:
    return Mistakes(tmp_path, trained, write_photographs)
