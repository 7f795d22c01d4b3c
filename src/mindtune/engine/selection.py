"""The metric that chooses the best checkpoint."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Selection:
    """A key of the metrics that a method's ``evaluate`` returns.

    Attributes:
        metric: its name.
        larger_is_better: an accuracy; otherwise a loss.
    """

    metric: str
    larger_is_better: bool = True

    def improves(self, value: float, best: float | None) -> bool:
        """Whether ``value`` is better than all before, of which ``best`` was the best."""
        if best is None:
            return True
        return value > best if self.larger_is_better else value < best


@dataclass(frozen=True)
class Newest(Selection):
    """The last checkpoint is the best, where nothing tells good from bad."""

    def improves(self, value: float, best: float | None) -> bool:
        return True


TOP1 = Selection("top1")
