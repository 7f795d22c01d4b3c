"""The table of trainable and total parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mindspore import Parameter
from rich.table import Table


@dataclass(frozen=True)
class ParameterCount:
    """Parameters of one group; tuned ones are those that receive gradients."""

    group: str
    trainable: int
    total: int


def count_parameters(groups: Mapping[str, Sequence[Parameter]]) -> list[ParameterCount]:
    """Exact counts a group, in order, and a last row ``all``."""
    rows = []
    for group, parameters in groups.items():
        total = sum(p.size for p in parameters)
        trainable = sum(p.size for p in parameters if p.requires_grad)
        rows.append(ParameterCount(group, trainable, total))
    everything = ParameterCount(
        "all", sum(row.trainable for row in rows), sum(row.total for row in rows)
    )
    return [*rows, everything]


def parameter_table(rows: Sequence[ParameterCount]) -> Table:
    """The counts as a table for the terminal."""
    table = Table(title="Parameters", title_justify="left")
    table.add_column("group")
    for column in ("trainable", "total", "share"):
        table.add_column(column, justify="right")
    for row in rows:
        if row.group == "all":
            table.add_section()
        share = f"{100 * row.trainable / row.total:.2f} %" if row.total else "-"
        table.add_row(row.group, f"{row.trainable:,}", f"{row.total:,}", share)
    return table
