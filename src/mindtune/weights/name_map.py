"""The form of a table of names: what a source calls a tensor, and how it lays it out.

``{i}`` and ``{j}`` in a source name stand for numbers (of a block, a stage), which are the same in
the target, or one more where that says ``{i+1}``. Several sources with one target are parts of it,
stacked along the first axis in the order of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Layout:
    """How a source lays a tensor out: its number of axes there, the way to timm's layout and back.

    ``ndim`` None: any. ``from_timm`` takes the array and the number of attention heads; None: this
    layout cannot be written.
    """

    ndim: int | None
    to_timm: Callable[[np.ndarray], np.ndarray]
    from_timm: Callable[[np.ndarray, int], np.ndarray] | None = None


SAME = Layout(None, lambda a: a, lambda a, heads: a)
CONVOLUTION = Layout(  # (h, w, in, out) -> (out, in, h, w)
    4, lambda a: a.transpose(3, 2, 0, 1), lambda a, heads: a.transpose(2, 3, 1, 0)
)
DENSE = Layout(  # (in, out) -> (out, in)
    2, lambda a: a.transpose(), lambda a, heads: a.transpose()
)
INTO_HEADS = Layout(  # (C, H, d) -> (Hd, C)
    3,
    lambda a: a.reshape(a.shape[0], -1).transpose(),
    lambda a, heads: a.transpose().reshape(a.shape[1], heads, -1),
)
OUT_OF_HEADS = Layout(  # (H, d, C) -> (C, Hd)
    3,
    lambda a: a.reshape(-1, a.shape[2]).transpose(),
    lambda a, heads: a.transpose().reshape(heads, -1, a.shape[0]),
)
HEAD_BIAS = Layout(  # (H, d) -> (Hd,)
    2, lambda a: a.reshape(-1), lambda a, heads: a.reshape(heads, -1)
)


@dataclass(frozen=True)
class Entry:
    """One name of a source, and what it is called in timm."""

    source: str
    target: str
    layout: Layout = SAME


@dataclass(frozen=True)
class NameMap:
    """The names of one source.

    Attributes:
        source: what to call it in messages and reports.
        signature: names of which a file of this source has one, with or without a prefix.
        prefixes: what may stand before every name.
        entries: the table.
        unused: beginnings of names with no place in a timm network.
        parts: groups of names, or beginnings of names that end at a dot, which are left out where
            the network has none of the group (CLIP's texts, for an image backbone).
        also_has: further names of which such a file has one; empty: none.
    """

    source: str
    signature: tuple[str, ...]
    prefixes: tuple[str, ...]
    entries: tuple[Entry, ...]
    unused: tuple[str, ...]
    parts: tuple[tuple[str, ...], ...] = ()
    also_has: tuple[str, ...] = ()

    def recognises(self, names: Iterable[str]) -> bool:
        """Whether a file with these ``names`` is of this source."""
        listed = list(names)
        wanted = [self.signature, self.also_has] if self.also_has else [self.signature]
        return all(any(name.endswith(ends) for name in listed) for ends in wanted)


def weight_and_bias(source: str, target: str, layout: Layout = SAME) -> tuple[Entry, ...]:
    """The entries of a layer with both."""
    return (
        Entry(f"{source}.weight", f"{target}.weight", layout),
        Entry(f"{source}.bias", f"{target}.bias"),
    )
