"""What README.md says can be done: its commands, its snippet, its links, its numbers."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mindtune import cli
from mindtune.config import EvaluateConfig, ExportConfig, RunConfig
from mindtune.console import SUB_COMMANDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [
    shlex.split(line, comments=True)
    for language, block in BLOCKS
    if language == ""
    for line in block.replace("\\\n", " ").splitlines()
]
CONFIGS = {"train": RunConfig, "eval": EvaluateConfig, "export": ExportConfig}
LINKS = sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)\)", README)))
METHODS = ("moment_probing", "feature_distillation", "amu", "peft", "smkd")


def entry_point(words: list[str]) -> tuple[str, list[str]]:
    """The sub-command that a command runs, and its options; nothing for other programs."""
    if words[:1] == ["python"] and words[1].removesuffix(".py") in CONFIGS:
        return words[1].removesuffix(".py"), words[2:]
    return (words[1], words[2:]) if words[:1] == ["mindtune"] else ("", [])


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words[:3]))
def test_every_command_is_one_that_there_is(words, monkeypatch):
    monkeypatch.chdir(ROOT)
    name, options = entry_point(words)
    if words[0] == "bash":
        assert Path(words[1]).is_file()
    elif name in CONFIGS:  # unknown keys, wrong types and missing recipes are errors
        parser = cli.make_parser(CONFIGS[name], name, "")
        assert cli.parse(parser, CONFIGS[name], options, {}) is not None
    elif name:
        assert name in SUB_COMMANDS
        parser = cli.Parser(prog=name, allow_abbrev=False)
        import_module(f"mindtune.console_commands.{name}").add_arguments(parser)
        parser.parse_args(options)
    else:
        assert words[0] in ("git", "pip")


def test_every_method_has_a_command_a_page_and_a_tour():
    recipes = " ".join(word for words in COMMANDS for word in words if word.startswith("configs/"))
    for method in METHODS:
        assert f"configs/{method}/" in recipes
        assert f"](docs/{method}.md)" in README
    tours = set(re.findall(r"`python (examples/\w+\.py)`", README))
    assert tours == {str(path.relative_to(ROOT)) for path in ROOT.glob("examples/*.py")}
    assert len(tours) == len(METHODS)


@pytest.mark.parametrize("link", LINKS)
def test_links_lead_somewhere(link):
    assert (ROOT / link).is_file()


def test_the_snippet_runs(tmp_path):
    for folder in ("configs", "weights"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (snippet,) = (block for language, block in BLOCKS if language == "python")
    assert "epochs=10" in snippet
    code = snippet.replace("epochs=10", "epochs=2, max_steps=2")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"\{'top1': \d+\.\d+, 'top5'", done.stdout)
    assert (tmp_path / "runs" / "digits" / "result.json").is_file()


def test_the_results_are_those_of_the_files(tmp_path):
    copy = tmp_path / "README.md"
    marks = r"(<!-- results:.*?-->).*(<!-- end of results -->)"
    copy.write_text(re.sub(marks, r"\1\n\2", README, flags=re.DOTALL))
    assert copy.read_bytes() != (ROOT / "README.md").read_bytes()
    script = ROOT / "scripts" / "readme_results.py"
    subprocess.run([sys.executable, str(script), str(copy)], check=True)
    assert copy.read_bytes() == (ROOT / "README.md").read_bytes()


def test_a_page_without_marks_is_left_alone(tmp_path):
    page = Path(shutil.copy(ROOT / "LICENSE", tmp_path / "page.md"))
    script = ROOT / "scripts" / "readme_results.py"
    done = subprocess.run([sys.executable, str(script), str(page)], capture_output=True, text=True)
    assert done.returncode == 2
    assert "got no marks, expected the lines" in done.stderr
    assert page.read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_picture_is_whole_and_knows_the_dark():
    (file,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    drawing = ElementTree.parse(ROOT / file).getroot()
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    words = " ".join(drawing.itertext())
    assert "prefers-color-scheme:dark" in words
    for word in ("backbone", "tuning", "head", "objective", "evaluation", "AMU-Tuning", "SMKD"):
        assert word in words
    assert "href" not in (ROOT / file).read_text()
