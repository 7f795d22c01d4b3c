"""Source distribution and wheel: what is in them, and that the wheel alone is enough to work with.

The wheel is built from the source distribution, so that what this one lacks the other lacks too. It
is installed into a fresh environment that finds MindSpore and the other dependencies where they are
installed already, through a ``.pth`` file: they are hundreds of megabytes, and not what is tested.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

import mindtune

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "mindtune"
KERNELS = Path("mindtune/ops/kernels")
SOURCES = (".h", ".cpp", ".cu", ".cuh")  # of the kernels: in the source distribution alone
MADE = (".so", ".pyc")
WEIGHTS = ROOT / "weights" / "vit_digits_patch4_16.safetensors"
COMPILER = (os.environ.get("CXX") or sysconfig.get_config_var("CXX") or "g++").split()[0]

pytestmark = pytest.mark.skipif(shutil.which(COMPILER) is None, reason="no C++ compiler here")


def run(words: list[object], folder: Path) -> str:
    """What a command prints; it finds no MindTune but the one installed for it."""
    hidden = ("PYTHONPATH", "MINDTUNE_KERNEL_LIBRARY")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run(
        list(map(str, words)), cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The folder of the two files, made by ``python -m build`` in a copy of what it needs."""
    pytest.importorskip("build", reason="the extra test has it")
    pytest.importorskip("setuptools", minversion="77")
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("dist")
    ignored = shutil.ignore_patterns("*.so", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", copy / "src", ignore=ignored)
    for file in ROOT.iterdir():
        if file.is_file():
            shutil.copy(file, copy)
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", out, copy], copy)
    return out


@pytest.fixture(scope="module")
def wheel(built) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def scripts(wheel, tmp_path_factory) -> Path:
    """The folder of the commands of an environment that has the wheel."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], folder)
    ask = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own = Path(run(ask, folder).strip())
    assert (own / "mindtune").is_dir()
    elsewhere = [path for path in sys.path if Path(path).name.endswith("-packages")]
    (own / "dependencies.pth").write_text("\n".join(elsewhere))
    return folder / "bin"


@pytest.fixture(scope="module")
def digit(tmp_path_factory) -> Path:
    """A picture of a handwritten 3, larger than the network wants it."""
    pixels = np.rint(load_digits().images[3] * (255 / 16)).astype(np.uint8)
    file = tmp_path_factory.mktemp("digit") / "three.png"
    Image.fromarray(pixels).convert("RGB").resize((32, 32)).save(file)
    return file


def package_files(*left_out: str) -> set[str]:
    """Every file of the package in this tree, as ``mindtune/...``."""
    files = [file for file in PACKAGE.rglob("*") if file.is_file()]
    return {
        str(file.relative_to(PACKAGE.parent))
        for file in files
        if file.suffix not in (*MADE, *left_out) and "__pycache__" not in file.parts
    }


def test_the_wheel_holds_the_package_and_the_compiled_kernels(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == package_files(*SOURCES) | {str(KERNELS / "libmindtune_kernels.so")}


def test_the_wheel_is_of_a_platform_and_of_every_python(wheel):
    version = re.escape(mindtune.__version__)
    assert re.fullmatch(rf"mindtune-{version}-py3-none-\w+_\w+\.whl", wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        (about,) = (name for name in archive.namelist() if name.endswith("dist-info/WHEEL"))
        assert "Root-Is-Purelib: false" in archive.read(about).decode()


def test_the_source_distribution_holds_what_builds_it(built):
    (file,) = built.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        members = [member.name for member in archive.getmembers() if member.isfile()]
    top = f"mindtune-{mindtune.__version__}/"
    names = {name[len(top) :] for name in members if name.startswith(top)}
    assert {f"src/{name}" for name in package_files()} <= names
    wanted = {"setup.py", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff"}
    assert wanted <= names
    assert not [name for name in names if name.startswith("tests/")]


def test_installed_it_imports_outside_the_checkout(scripts, tmp_path):
    code = """
from importlib.metadata import version
import mindtune
from mindtune.data.datasets.imagenet_classes import imagenet_class_names
from mindtune.ops import kernel_library
print(mindtune.__file__, mindtune.__version__, version("mindtune"), len(imagenet_class_names()))
print(kernel_library.find_library("CPU"))
"""
    file, said, packaged, classes, library = run([scripts / "python", "-c", code], tmp_path).split()
    assert Path(file).is_relative_to(scripts.parent)
    assert (said, packaged, classes) == (mindtune.__version__, mindtune.__version__, "1000")
    assert Path(library).is_relative_to(scripts.parent)


def test_installed_it_finds_its_kernels_exports_and_predicts(scripts, digit, tmp_path):
    command = scripts / "mindtune"
    said = run([command, "doctor"], tmp_path)
    assert re.search(r"ok +CPU kernels +built, in use", said)
    assert str(scripts.parent) in said
    exported = [command, "export", "--pretrained", WEIGHTS, "--file", "model.mindir"]
    run(exported, tmp_path)
    for weights in (WEIGHTS, "model.mindir"):
        said = run([command, "predict", digit, "--pretrained", weights], tmp_path)
        name, share = said.splitlines()[1].split()[:2]
        assert name == "3"
        assert float(share) > 60
