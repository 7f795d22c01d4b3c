"""Imports go down the floors of docs/architecture.md, never up or in a circle."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "mindtune"
FLOORS = [
    {"errors", "version"},
    {"preprocessing", "parameters", "files", "environment", "optional_packages"},
    {"ops"},
    {"data", "text", "weights"},
    {"layers"},
    {"backbones", "heads"},
    {"tuning"},
    {"networks"},
    {"objectives"},
    {"engine", "evaluation", "onnx_graph", "mindir"},
    {"config"},
    {"cli", "assemble", "run"},
    {"pretrained", "report", "configuring"},
    {"frozen", "merging", "self_distilled_pair"},
    {"knn_evaluation", "trained_network", "adapter"},
    {"forgetting"},
    {"methods", "protocols"},
    {"training", "evaluating", "exporting", "predicting"}
    | {"doctor", "converting", "weights_report", "attention_pictures"},
    {"commands", "console_commands"},
    {"console"},
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE or p.stem != "__init__")


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{a.name}" for a in node.names]
        elif isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        rooms |= {n.split(".")[1] for n in names if n.startswith("mindtune.")}
    return rooms - {"__version__"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down(path):
    room = room_of(path)
    assert room in FLOOR_OF, f"{room} has no floor: add it to docs/architecture.md and here"
    for other in imported_rooms(path) - {room}:
        assert FLOOR_OF[other] < FLOOR_OF[room], f"{path.name} ({room}) imports {other}"


def test_every_room_exists():
    assert {room_of(p) for p in MODULES} == set(FLOOR_OF)
