"""Second-order pooling: ours against MindSpore's own operators, NumPy and PyTorch.

Cases: the bare cross-covariance of head pairs, the fused operator, the whole moment head with a
frozen backbone, and iSQRT-COV; each in float32, forward (`_fwd`) and forward + backward. Of the
forms of a family the fastest counts, chosen by the times of this run. All are compiled, warm, fed
from memory, and agree with NumPy in float64 before they are timed. PyTorch, in eager mode and in
the same process, takes part where it is installed (extra `parity`). OMP_NUM_THREADS sets the
threads of all, one a core by default.

Last line: JSON of ratios, median time of the other / median time of ours.
Usage: python benchmarks/cross_covariance.py [--quick] [--roofline benchmarks/roofline.md]
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path

from roofline_page import write_section
from second_order import machine_peak, roofline
from second_order.agreement import check
from second_order.cases import CASES, TINY, Sizes, make_problem
from second_order.contestants import HAS_PYTORCH, Contestant, contestants_of, set_threads
from second_order.timing import Times, alternate

BATCHES = (1, 16, 64)
TOO_SLOW = 2  # times the fastest form of its family: such a form does not run to the end


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=15, help="turns of each contestant")
    parser.add_argument("--quick", action="store_true", help="three turns: rough figures")
    parser.add_argument("--tiny", action="store_true", help="tiny widths: a test of this script")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES)
    parser.add_argument("--roofline", type=Path, help="page to write a section of")
    chosen = parser.parse_args()
    if chosen.turns < 1 or min(chosen.batches) < 1:
        parser.error("--turns and --batches: expected at least 1")
    return chosen


def race(contestants: list[Contestant], both: bool, turns: int) -> dict[str, Times]:
    """Times of every contestant that is not far behind the fastest form of its family."""
    calls = {c.name: c.both if both else c.forward for c in contestants}
    heats = alternate(calls, 1)
    finalists = {}
    for contestant in contestants:
        rivals = [c.name for c in contestants if c.family == contestant.family]
        fastest = min(heats[name].minimum for name in rivals)
        if heats[contestant.name].minimum <= TOO_SLOW * fastest:
            finalists[contestant.name] = calls[contestant.name]
    return {**heats, **alternate(finalists, turns)}


def fastest_of(contestants: list[Contestant], times: dict[str, Times]) -> dict[str, Times]:
    """By family, the form with the smallest median."""
    families = dict.fromkeys(c.family for c in contestants)
    return {
        family: min(
            (times[c.name] for c in contestants if c.family == family), key=lambda t: t.median
        )
        for family in families
    }


def report(title: str, times: dict[str, Times], ours: Times) -> None:
    print(f"\n{title}: median ms, minimum ms, calls, median / ours")
    for name, t in sorted(times.items(), key=lambda item: item[1].median):
        print(
            f"  {name:60} {t.median * 1e3:10.3f} {t.minimum * 1e3:10.3f} {t.calls:5}"
            f" {t.median / ours.median:7.2f}",
            flush=True,
        )


def run_case(
    case: str, batch: int, sizes: Sizes, turns: int
) -> tuple[dict[str, float], roofline.Measured]:
    """Ratios by key, and our own times."""
    problem = make_problem(case, batch, sizes)
    contestants = contestants_of(problem)
    print(f"\n{case}, batch {batch}: largest error {check(problem, contestants):.1e}")
    ratios, ours = {}, {}
    for both in (False, True):
        times = race(contestants, both, turns)
        fastest = fastest_of(contestants, times)
        ours[both] = fastest.pop("ours")
        what, suffix = ("forward + backward", "") if both else ("forward", "_fwd")
        report(f"{case}, batch {batch}, {what}", times, ours[both])
        for family, t in fastest.items():
            ratios[f"{case}_b{batch}_vs_{family}{suffix}"] = t.median / ours[both].median
    return ratios, roofline.Measured(case, batch, ours[False].median, ours[True].median)


def main() -> None:
    chosen = arguments()
    sizes, turns = (TINY if chosen.tiny else Sizes()), (3 if chosen.quick else chosen.turns)
    threads = set_threads()
    print(roofline.machine(threads))
    if not HAS_PYTORCH:
        print("PyTorch is not installed: no key `_vs_pytorch` (extra: parity)")
    peak = machine_peak.measure(threads, 256 if chosen.tiny else 2048, turns)
    print(f"product {peak.gflops:.0f} GFLOP/s ({peak.gflops_by}), copy {peak.gigabytes:.1f} GB/s")
    ratios: dict[str, float] = {}
    measured = []
    for case in chosen.cases:
        for batch in chosen.batches:
            found, times = run_case(case, batch, sizes, turns)
            ratios.update(found)
            measured.append(times)
    if chosen.roofline:
        command = shlex.join(["python", *sys.argv])
        text = roofline.section(command, threads, peak, sizes, measured)
        write_section(chosen.roofline, "cross_covariance.py", text)
    print()
    print(json.dumps({key: round(ratio, 2) for key, ratio in ratios.items()}))


if __name__ == "__main__":
    main()
