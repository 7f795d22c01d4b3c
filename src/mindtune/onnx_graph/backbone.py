"""What the writers of a backbone have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mindtune.onnx_graph.builder import GraphBuilder


@dataclass(frozen=True)
class Backbone:
    """The two steps of a backbone: its ``forward_tokens`` and its ``features``."""

    tokens: Callable[[GraphBuilder, Any, str], str]
    features: Callable[[GraphBuilder, Any, str], tuple[str, str]]

    def both(self, graph: GraphBuilder, cell: Any, images: str) -> tuple[str, str]:
        """Images (B, 3, S, S) -> tokens (B, T, C) and pooled (B, C)."""
        return self.features(graph, cell, self.tokens(graph, cell, images))
