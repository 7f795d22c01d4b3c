"""Metadata lives in pyproject.toml; this file adds the compiled kernels to the build.

They are optional: without a C++ compiler the package installs all the same, and computes with
MindSpore's own operators. `mindtune doctor` says which.
The library knows nothing of Python, so one wheel serves every Python 3 of a platform.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

FOLDER = Path("src/mindtune/ops/kernels")


class BuildKernels(build_ext):
    """A plain shared library: it is no Python module, so its name holds no Python version."""

    def get_ext_filename(self, fullname: str) -> str:
        return str(Path(*fullname.split("."))) + ".so"


class NameWheel(bdist_wheel):
    """Tagged with the platform of the library, but with no Python version."""

    def get_tag(self) -> tuple[str, str, str]:
        _, _, platform = super().get_tag()
        return "py3", "none", platform


setup(
    cmdclass={"build_ext": BuildKernels, "bdist_wheel": NameWheel},
    ext_modules=[
        Extension(
            "mindtune.ops.kernels.libmindtune_kernels",
            sources=sorted(str(source) for source in FOLDER.rglob("*.cpp")),
            depends=sorted(str(header) for header in FOLDER.rglob("*.h")),
            include_dirs=[str(FOLDER)],
            language="c++",
            extra_compile_args=[
                "-std=gnu++17",
                "-O3",
                "-g0",
                "-fopenmp",
                "-fno-math-errno",
                "-fvisibility=hidden",
            ],
            extra_link_args=["-fopenmp"],
            optional=True,
        )
    ],
)
