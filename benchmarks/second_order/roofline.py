"""A section of `roofline.md`: second-order pooling."""

from __future__ import annotations

import datetime
import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from mindtune.ops.kernel_library import find_library, instruction_set
from second_order.cases import Sizes
from second_order.contestants import HAS_PYTORCH
from second_order.machine_peak import Peak
from second_order.operation_counts import Counts, count

_HEADINGS = (
    "case", "B", "pass", "GFLOP", "MB", "at least ms", "ms", "reached", "GFLOP/s",
    "of the product's", "GB/s", "of the copy's",
)  # fmt: skip
_TEXT = """\
## Second-order pooling

{date}, `{command}`.

{machine}

Peaks, both measured in the same run, best of all calls: float32 matrix product {gflops:.0f} GFLOP/s
({gflops_by}, {threads} threads), copy {gigabytes:.1f} GB/s (read and written both counted).

Operations are those of matrix products and convolutions only, a multiply-add being two; products
of symmetric matrices count in full, though the kernel computes half of some. Bytes are inputs,
outputs and what the backward pass wants kept, each moved once. Times are medians of whole calls
through MindSpore, the launch of a graph included; backward is forward + backward less forward.
"At least" is the longer of operations at the product's speed and bytes at the copy's; "reached" is
the share of that in the time. `head` is the whole moment head with a frozen backbone: its
projection and classifiers are MindSpore's.

{table}
"""


@dataclass(frozen=True)
class Measured:
    """Median seconds of ours."""

    case: str
    batch: int
    forward: float
    both: float


def section(command: str, threads: int, peak: Peak, sizes: Sizes, measured: list[Measured]) -> str:
    rows = [row for one in measured for row in _rows(one, sizes, peak)]
    lines = ["| " + " | ".join(cells) + " |" for cells in (_HEADINGS, *rows)]
    lines.insert(1, "|" + "---|" * len(_HEADINGS))
    return _TEXT.format(
        date=datetime.date.today().isoformat(),
        command=command,
        machine=machine(threads),
        gflops=peak.gflops,
        gflops_by=peak.gflops_by,
        gigabytes=peak.gigabytes,
        threads=threads,
        table="\n".join(lines),
    )


def machine(threads: int) -> str:
    """Processor, cores, which form of the kernels runs, versions."""
    form = instruction_set() if find_library("CPU") else "not built: ours is the composed path"
    packages = ["mindspore", *(["torch"] if HAS_PYTORCH else [])]
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"{_processor()} ({platform.machine()}), {os.cpu_count()} cores, {threads} threads; "
        f"kernels: {form}; Python {platform.python_version()}, numpy {np.__version__}, {versions}."
    )


def _processor() -> str:
    """What Linux calls it; elsewhere what Python does."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown processor"


def _rows(one: Measured, sizes: Sizes, peak: Peak) -> list[tuple[str, ...]]:
    forward, backward = count(one.case, one.batch, sizes)
    passes = (("forward", forward, one.forward), ("backward", backward, one.both - one.forward))
    return [
        (one.case, str(one.batch), name, *figures(counts, seconds, peak))
        for name, counts, seconds in passes
    ]


def figures(counts: Counts, seconds: float, peak: Peak) -> tuple[str, ...]:
    """GFLOP, MB, least ms, ms, its share, GFLOP/s and GB/s with their shares of the peaks."""
    gflop, gigabytes = counts.operations / 1e9, counts.bytes / 1e9
    least = max(gflop / peak.gflops, gigabytes / peak.gigabytes)
    needed = (f"{gflop:.3f}", f"{gigabytes * 1e3:.2f}", f"{least * 1e3:.2f}")
    if seconds <= 0:  # a difference, on a machine too busy to tell
        return (*needed, *["unclear"] * 6)
    return (
        *needed, f"{seconds * 1e3:.2f}", f"{least / seconds:.0%}",
        f"{gflop / seconds:.1f}", f"{gflop / seconds / peak.gflops:.0%}",
        f"{gigabytes / seconds:.2f}", f"{gigabytes / seconds / peak.gigabytes:.0%}",
    )  # fmt: skip
