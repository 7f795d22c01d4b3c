"""ViT-B/16 and Swin-T on the CPU: ours against PyTorch, inference and train steps.

Same weights, same threads (OMP_NUM_THREADS, one a core by default), the contestants by turns;
PyTorch in eager mode, with its fused attention (`sdpa`) and without (`plain`), the faster counts.
They agree before they are timed. Peak memory is that of a process of its own, which runs a few
calls after the first: what compiling takes is not counted. A part of it is there before the first
number, the libraries that `import mindspore` and `import torch` bring. `startup_s` is the time from
the start of a process to the end of its first MP step (imports, weights, compiling, the step),
without MindSpore's compile cache ("off"), filling it ("cold") and reading it ("warm");
docs/kernels.md says why runs do without. `startup_cpu_s` is the same in processor time.

Last line: JSON of time ratios, PyTorch's median / ours, memory ratios (`_memory`), ours /
PyTorch's, the same without what the imports took (`_memory_beyond_import`), and `startup_s`.
Needs PyTorch (extra `parity`).
Usage: python benchmarks/vit.py [--cases vit_b_infer ...] [--turns 7]
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from second_order.timing import alternate
from vision_transformers.cases import CASES, Case, tiny

LARGEST_ERROR = 1e-3  # of logits, in terms of the largest; of a loss, of itself
CALLS = 4  # of which the memory is measured, after a first one
OURS = "ours"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=7, help="turns of each contestant")
    parser.add_argument("--tiny", action="store_true", help="tiny networks: a test of this script")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--no-startup", action="store_true", help="leave startup_s out")
    parser.add_argument(
        "--alone", nargs=2, metavar=("CONTESTANT", "FOLDER"), help=argparse.SUPPRESS
    )
    chosen = parser.parse_args()
    if chosen.turns < 1:
        parser.error("--turns: expected at least 1")
    return chosen


def calls_of(case: Case, folder: Path) -> dict[str, Callable]:
    """Every contestant's call; what PyTorch's are made of is left in ``folder``."""
    from vision_transformers import our_networks, pytorch_networks

    network = our_networks.build(case)
    given = {
        "arrays": our_networks.arrays_of(network),
        "trained": [p.name for p in network.trainable_params()] if case.trains else [],
        "facts": our_networks.facts_of(network),
    }
    np.savez(folder / f"{case.name}.npz", **given["arrays"])
    others = {name: value for name, value in given.items() if name != "arrays"}
    (folder / f"{case.name}.json").write_text(json.dumps(others))
    images, targets = case.batch_of()
    calls = {OURS: our_networks.call_of(case, network)}
    for form, attend in pytorch_networks.FORMS.items():
        other = pytorch_networks.Network(**given, attend=attend)
        calls[form] = pytorch_networks.call_of(other, images, targets if case.trains else None)
    return calls


def check(case: Case, calls: dict[str, Callable]) -> None:
    """The first call of each gives the same.

    Raises:
        ValueError: one of them computes something else.
    """
    expected = np.asarray(calls[OURS]())
    for name, call in calls.items():
        if name == OURS:
            continue
        error = np.abs(np.asarray(call()) - expected).max() / np.abs(expected).max()
        if not error <= LARGEST_ERROR:
            raise ValueError(f"{case.name}, {name}: {error:.1e} from ours")


def call_alone(case: Case, contestant: str, folder: Path) -> Callable:
    """One contestant in this process, without the other's framework."""
    if contestant == OURS:
        from vision_transformers import our_networks

        return our_networks.call_of(case, our_networks.build(case))
    import torch
    from vision_transformers import pytorch_networks

    torch.set_num_threads(threads())
    images, targets = case.batch_of()
    attend = pytorch_networks.FORMS[contestant]
    with np.load(folder / f"{case.name}.npz") as arrays:
        others = json.loads((folder / f"{case.name}.json").read_text())
        network = pytorch_networks.Network(dict(arrays), **others, attend=attend)
    return pytorch_networks.call_of(network, images, targets if case.trains else None)


def run_alone(case: Case, contestant: str, folder: Path) -> None:
    """Print as JSON when the first call was done, and bytes of memory: at its peak in the next
    calls, and after importing the framework."""
    importlib.import_module("mindspore" if contestant == OURS else "torch")
    imported = resident("VmRSS")
    call = call_alone(case, contestant, folder)
    call()
    first = {"time": time.time(), "cpu": time.process_time()}
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    for _ in range(CALLS):
        call()
    print(json.dumps({"first": first, "peak": resident("VmHWM"), "imported": imported}))


def resident(which: str) -> int:
    """Bytes of this process in memory: ``VmRSS`` now, ``VmHWM`` at most."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{which}:")[1].split()[0]) * 1024


def in_child(case: Case, contestant: str, folder: Path, tiny_too: bool, **extra: str) -> dict:
    """What this script tells of one contestant alone."""
    command = [sys.executable, __file__, "--cases", case.name, "--alone", contestant, str(folder)]
    command += ["--tiny"] if tiny_too else []
    done = subprocess.run(
        command, env={**os.environ, **extra}, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))


def run_case(case: Case, turns: int, folder: Path, tiny_too: bool) -> dict[str, float]:
    calls = calls_of(case, folder)
    check(case, calls)
    times = alternate(calls, turns)
    alone = {name: in_child(case, name, folder, tiny_too) for name in calls}
    for name, t in times.items():
        print(
            f"{case.name:20} {name:6} median {t.median * 1e3:9.1f} ms, minimum "
            f"{t.minimum * 1e3:9.1f} ms, {t.calls} calls, peak {alone[name]['peak'] / 2**20:6.0f} "
            f"MiB, {alone[name]['imported'] / 2**20:6.0f} of them after the import",
            flush=True,
        )
    others = [name for name in calls if name != OURS]
    fastest = min(others, key=lambda name: times[name].median)
    ours, smallest = alone[OURS], min((alone[n] for n in others), key=lambda found: found["peak"])
    beyond = [found["peak"] - found["imported"] for found in (ours, smallest)]
    return {
        case.name: times[fastest].median / times[OURS].median,
        f"{case.name}_memory": ours["peak"] / smallest["peak"],
        f"{case.name}_memory_beyond_import": beyond[0] / beyond[1],
    }


def startup(case: Case, folder: Path, tiny_too: bool) -> dict[str, dict[str, float]]:
    """Seconds of a process from its start to the end of its first step."""
    cache = {"MS_COMPILER_CACHE_ENABLE": "1", "MS_COMPILER_CACHE_PATH": str(folder / "cache")}
    found: dict[str, dict[str, float]] = {"startup_s": {}, "startup_cpu_s": {}}
    for name, extra in (("off", {}), ("cold", cache), ("warm", cache)):
        started = time.time()
        first = in_child(case, OURS, folder, tiny_too, **extra)["first"]
        found["startup_s"][name] = round(first["time"] - started, 2)
        found["startup_cpu_s"][name] = round(first["cpu"], 2)
    return found


def main() -> None:
    chosen = arguments()
    cases = [tiny(CASES[name]) if chosen.tiny else CASES[name] for name in chosen.cases]
    if chosen.alone:
        run_alone(cases[0], chosen.alone[0], Path(chosen.alone[1]))
        return
    from second_order import roofline
    from second_order.contestants import set_threads

    print(roofline.machine(set_threads()))
    results: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            found = run_case(case, chosen.turns, Path(folder), chosen.tiny)
            results.update({key: round(ratio, 2) for key, ratio in found.items()})
        if not chosen.no_startup:
            mp = CASES["vit_b_mp_step"]
            results.update(startup(tiny(mp) if chosen.tiny else mp, Path(folder), chosen.tiny))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
