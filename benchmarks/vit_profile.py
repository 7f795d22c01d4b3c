"""What a ViT-B/16 spends its time on: each operator alone, inference at batch 8, training at 4.

Times are medians of calls by turns, less that of a graph that does nothing; the network's own time
is measured beside them, and what its operators do not explain is its own row. Prints a table; with
--roofline it becomes a section of that page.
Usage: python benchmarks/vit_profile.py [--roofline benchmarks/roofline.md] [--turns 9]
"""

from __future__ import annotations

import argparse
import datetime
import shlex
import sys
from pathlib import Path

import numpy as np
from mindspore import Tensor, nn
from roofline_page import write_section
from second_order import machine_peak
from second_order.contestants import set_threads
from second_order.machine_peak import Peak
from second_order.roofline import figures, machine
from second_order.timing import alternate
from vision_transformers import our_networks
from vision_transformers.cases import CASES, Case, tiny
from vision_transformers.parts import Part, call_of, parts_of

_HEADINGS = (
    "operator", "runs", "GFLOP", "MB", "at least ms", "ms", "reached", "GFLOP/s",
    "of the product's", "GB/s", "of the copy's", "share of the whole",
)  # fmt: skip
_TEXT = """\
## ViT-B/16

{date}, `{command}`.

{machine}

Peaks, measured in the same run: float32 matrix product {gflops:.0f} GFLOP/s ({gflops_by}), copy
{gigabytes:.1f} GB/s. Each operator is called alone, its inputs in the caches as far as they fit;
figures are of all its runs in a pass. Operations are those of matrix products, a multiply-add being
two; bytes are inputs and outputs, each moved once. Where the backward pass reads what the forward
pass found (LayerNorm, attention) it is both less forward. The rest of a train step holds the loss,
the norm of the gradients, AdamW, and what operators lose to each other's data in the caches.

{tables}"""


class Nothing(nn.Cell):
    """A graph as short as can be: what a call costs before any work."""

    def construct(self, x: Tensor) -> Tensor:
        return x + 1.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=9, help="turns of each operator")
    parser.add_argument("--tiny", action="store_true", help="a tiny network: a test of this script")
    parser.add_argument("--roofline", type=Path, help="page to write a section of")
    chosen = parser.parse_args()
    if chosen.turns < 1:
        parser.error("--turns: expected at least 1")
    return chosen


def profile(case: Case, turns: int, peak: Peak) -> str:
    """A table of one pass: forward, or a train step."""
    network = our_networks.build(case)
    parts = parts_of(network, Tensor(case.batch_of()[0]))
    one = Tensor(np.zeros(1, np.float32))
    nothing = Nothing()
    calls = {
        "whole": our_networks.call_of(case, network),
        "nothing": lambda: nothing(one).asnumpy(),
    }
    for part in parts:
        calls[f"{part.name} forward"] = call_of(part, backward=False)
        if case.trains and part.backward is not None:
            calls[f"{part.name} backward"] = call_of(part, backward=True)
    for call in calls.values():
        call()  # compiles
    times = {name: found.median for name, found in alternate(calls, turns).items()}
    whole, launch = times["whole"], times["nothing"]
    rows, explained = [], 0.0
    for part in parts:
        for name, counts, seconds in passes(part, times, launch):
            work = type(counts)(part.count * counts.operations, part.count * counts.bytes)
            cells = figures(work, part.count * seconds, peak)
            rows.append((name, str(part.count), *cells, f"{part.count * seconds / whole:.0%}"))
            explained += part.count * seconds
    for name, seconds in (("rest", whole - explained), ("whole", whole)):
        rows.append((name, *[""] * 4, f"{seconds * 1e3:.1f}", *[""] * 5, f"{seconds / whole:.0%}"))
    lines = ["| " + " | ".join(cells) + " |" for cells in (_HEADINGS, *rows)]
    lines.insert(1, "|" + "---|" * len(_HEADINGS))
    what = "Train step, all weights" if case.trains else "Inference"
    return f"{what}, batch {case.batch}:\n\n" + "\n".join(lines) + "\n"


def passes(part: Part, times: dict[str, float], launch: float) -> list[tuple]:
    """Name, work and seconds of one run, forward and, where measured, backward."""
    forward = times[f"{part.name} forward"]
    found = [(part.name, part.forward, forward - launch)]
    backward = times.get(f"{part.name} backward")
    if backward is not None and part.backward is not None:
        before = forward if part.by_output else launch
        found.append((f"{part.name}, backward", part.backward, backward - before))
    return found


def main() -> None:
    chosen = arguments()
    threads = set_threads()
    cases = [CASES["vit_b_infer"], CASES["vit_b_full_step"]]
    cases = [tiny(case) for case in cases] if chosen.tiny else cases
    peak = machine_peak.measure(threads, 256 if chosen.tiny else 2048, chosen.turns)
    text = _TEXT.format(
        date=datetime.date.today().isoformat(),
        command=shlex.join(["python", *sys.argv]),
        machine=machine(threads),
        gflops=peak.gflops,
        gflops_by=peak.gflops_by,
        gigabytes=peak.gigabytes,
        tables="\n".join(profile(case, chosen.turns, peak) for case in cases),
    )
    print(text)
    if chosen.roofline:
        write_section(chosen.roofline, "vit_profile.py", text)


if __name__ == "__main__":
    main()
