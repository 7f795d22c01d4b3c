"""The table of what does not fit, as plain text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mindtune.weights.fit import Fit, Shape

_MOST_ROWS = 12


def fit_table(fit: Fit, network: Mapping[str, Shape], file: Mapping[str, Shape]) -> list[str]:
    """Lines of missing, unexpected and mis-shaped names with shapes, at most twelve of each."""
    sections = (
        ("missing: in the network, not in the file", ((n, str(network[n])) for n in fit.missing)),
        (
            "unexpected: in the file, not in the network",
            ((n, str(file[n])) for n in fit.unexpected),
        ),
        (
            "mis-shaped: in the file -> in the network",
            ((n, f"{offered} -> {wanted}") for n, (offered, wanted) in fit.misshaped.items()),
        ),
    )
    return [line for title, rows in sections for line in _section(title, list(rows))]


def count_faults(fit: Fit) -> str:
    """Such as ``3 missing, 2 unexpected``."""
    counts = (
        (len(fit.missing), "missing"),
        (len(fit.unexpected), "unexpected"),
        (len(fit.misshaped), "mis-shaped"),
    )
    return ", ".join(f"{n} {what}" for n, what in counts if n) or "nothing of it would be loaded"


def _section(title: str, rows: list[tuple[str, str]]) -> Iterable[str]:
    if not rows:
        return
    yield f"  {title}"
    shown = [(name if name.isprintable() else repr(name), shape) for name, shape in rows]
    shown = shown[:_MOST_ROWS]
    width = max(len(name) for name, _ in shown)
    for name, shapes in shown:
        yield f"    {name:<{width}}  {shapes}"
    if len(rows) > _MOST_ROWS:
        yield f"    ... and {len(rows) - _MOST_ROWS} more"
