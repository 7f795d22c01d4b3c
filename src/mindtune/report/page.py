"""Write the page of a run, or of several side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mindtune.errors import ConfigError, MissingPackageError
from mindtune.files import write_atomically
from mindtune.optional_packages import require_package
from mindtune.report.attention import attention
from mindtune.report.comparison import compare
from mindtune.report.configuration import configuration
from mindtune.report.confusion import confusion
from mindtune.report.curves import curves
from mindtune.report.diagnosis import diagnosis
from mindtune.report.environment import environment
from mindtune.report.errors import errors
from mindtune.report.evaluations import evaluations
from mindtune.report.features import features
from mindtune.report.few_shot import few_shot
from mindtune.report.neighbours import neighbours
from mindtune.report.parameters import parameters
from mindtune.report.per_class import per_class
from mindtune.report.run_files import RunFiles, read_run_files
from mindtune.report.section import Section
from mindtune.report.summary import summary
from mindtune.version import __version__

REPORT = "report.html"


def write_report(folder: Path) -> Path:
    """Write ``folder/report.html``, one file that needs no other, and say where it is.

    Raises:
        MissingPackageError: jinja2 is not installed.
        CheckpointError: ``folder`` is no folder of this package, or cannot be written.
    """
    render = _renderer()
    run = read_run_files(folder)
    page = render("run", title=run.name, figures=summary(run), sections=sections_of(run))
    write_atomically(folder / REPORT, page)
    return folder / REPORT


def write_comparison(folders: Sequence[Path], out: Path) -> None:
    """Write a page of several runs side by side to ``out``.

    Raises:
        MissingPackageError: jinja2 is not installed.
        ConfigError: ``out`` is a folder.
        CheckpointError: a folder of another kind, or ``out`` cannot be written.
    """
    render = _renderer()
    if out.is_dir():
        raise ConfigError(f"out: got the folder {out}, expected the name of a file in it")
    comparison = compare([read_run_files(folder) for folder in folders])
    write_atomically(out, render("comparison", title="Comparison", comparison=comparison))


def offer_report(folder: Path, say: Callable[[str], None]) -> None:
    """Write the page at the end of a command that is no worse without it."""
    try:
        say(f"report: {write_report(folder)}")
    except MissingPackageError:
        say(
            f"report: not written, since jinja2 is not installed; pip install 'mindtune[report]', "
            f"then mindtune report {folder}"
        )


def sections_of(run: RunFiles) -> list[Section]:
    """All that the folder has something for, in the order of the page."""
    found: list[Section | None] = [curves(run), parameters(run)]
    for judged in run.judged:
        found += [per_class(judged), confusion(judged), errors(judged)]
    found += [*neighbours(run), *few_shot(run), *features(run), *attention(run), *diagnosis(run)]
    found += [evaluations(run), configuration(run), environment(run)]
    return [section for section in found if section is not None]


def _renderer() -> Callable[..., bytes]:
    """``render(template, **values)``, the bytes of a page.

    Raises:
        MissingPackageError: jinja2 is not installed.
    """
    jinja2 = require_package("jinja2", "report: writes a page", "report")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mindtune.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def render(template: str, **values: Any) -> bytes:
        page = environment.get_template(f"{template}.html")
        return page.render(version=__version__, **values).encode()

    return render
