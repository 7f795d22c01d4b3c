"""Files of the repository that say again what stands elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import mindtune

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
PAPERS = {  # arXiv: page of docs/
    "2307.11342": "moment_probing",
    "2205.14141": "feature_distillation",
    "2404.08958": "amu",
    "2404.17245": "peft",
    "2303.15466": "smkd",
}


def read_yaml(name: str | Path) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


@pytest.mark.parametrize(
    ("hook", "package"), [("ruff-pre-commit", "ruff"), ("mirrors-clang-format", "clang-format")]
)
def test_pre_commit_checks_by_the_versions_that_the_tests_check_by(hook, package):
    repositories = read_yaml(".pre-commit-config.yaml")["repos"]
    (rev,) = (one["rev"] for one in repositories if one["repo"].endswith(f"/{hook}"))
    project = (ROOT / "pyproject.toml").read_text()
    assert re.findall(rf'"{package}==([\d.]+)"', project) == [rev.removeprefix("v")]


def test_pre_commit_formats_every_source_of_the_kernels():
    (files,) = (
        hook["files"]
        for one in read_yaml(".pre-commit-config.yaml")["repos"]
        for hook in one["hooks"]
        if hook["id"] == "clang-format"
    )
    kernels = ROOT / "src" / "mindtune" / "ops" / "kernels"
    sources = [p for p in kernels.rglob("*") if p.suffix in (".h", ".cpp", ".cu", ".cuh")]
    assert len(sources) > 30
    assert all(re.search(files, str(source.relative_to(ROOT))) for source in sources)


def test_the_citation_names_this_version_and_the_five_papers():
    citation = read_yaml("CITATION.cff")
    assert citation["version"] == mindtune.__version__
    assert citation["license"] == "Apache-2.0"
    for paper, reference in zip(PAPERS, citation["references"]):
        assert reference["identifiers"] == [{"type": "other", "value": f"arXiv:{paper}"}]
        page = ROOT / "docs" / f"{PAPERS[paper]}.md"
        head = " ".join(page.read_text()[:800].split()).replace("*", "")
        assert reference["title"] in head
        assert f"{reference['authors'][0]['family-names']} et al., " in head
        assert str(reference["year"]) in head
        assert reference["notes"].endswith(f"docs/{page.name}")
    assert len(citation["references"]) == len(PAPERS)


def test_the_version_is_written_once():
    project = (ROOT / "pyproject.toml").read_text()
    assert 'dynamic = ["version"]' in project
    assert not re.search(r"^version\s*=\s*\"", project, re.MULTILINE)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_issue_templates_are_forms(template):
    form = read_yaml(template)
    if template.stem != "config":
        assert form.keys() >= {"name", "description", "body"}
        names = [field["id"] for field in form["body"]]
        assert len(names) == len(set(names)) > 1
        assert all(field["attributes"]["label"] for field in form["body"])
