"""``mindtune models`` and ``mindtune datasets``: tables of what there is."""

from __future__ import annotations

import re

import pytest

import mindtune
from mindtune.console import main


def rows(out: str) -> list[str]:
    """The first cell of every row."""
    return re.findall(r"^│ (\w+) ", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["models"], mindtune.list_backbones()),
        (["models", "swin_*"], mindtune.list_backbones("swin_*")),
        (["models", "beit"], mindtune.list_backbones("*beit*")),
        (["datasets"], list(mindtune.list_datasets())),
        (["datasets", "CIFAR"], ["cifar10", "cifar100", "cifar_fs"]),
        (["datasets", "coop_*"], [n for n in mindtune.list_datasets() if n.startswith("coop_")]),
    ],
)
def test_every_name_has_a_row(words, names, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(words) == 0
    assert rows(capsys.readouterr().out) == names


def test_facts_stand_beside_the_names(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    main(["models", "beit_base_patch16_224"])
    assert re.search(r"beit_base_patch16_224 +│ 224 +│ 0.9 bicubic", capsys.readouterr().out)
    main(["datasets", "digits"])
    assert re.search(r"│ +10 │ 1,076 │ +362 │ +359 │ Alpaydin", capsys.readouterr().out)


@pytest.mark.parametrize("name", ["models", "datasets"])
def test_a_pattern_of_nothing(name, capsys):
    assert main([name, "zzz"]) == 2
    assert "pattern: got 'zzz', which no" in capsys.readouterr().err
