"""k-NN accuracy on a CPU: ours against the authors' algorithm in PyTorch, speed and memory.

A bank of 200,000 and 2,000 queries of 384 channels: one random centre a class (1,000 of them), and
noise as large around it, drawn anew with --seed. Each contestant is a process of its own that reads
the same raw features from files and answers with top-1 and top-5; they take turns, with the same
number of threads (OMP_NUM_THREADS, one a core by default), and must agree. Contestants:

* ours: `mindtune.evaluation.knn`, with the compiled kernel where it is built; the bank is read from
  its file as it is searched, and never in memory as a whole;
* ours by NumPy: the same where it is not;
* PyTorch (extra `parity`): features brought to unit length, then for 500 queries at a time all
  products with the bank, `topk`, votes. For several k the search is done for each, as the authors'
  script does; ours does one.

Memory is the largest resident set of the process, and how much of that is no Python, NumPy,
MindSpore or PyTorch (what the process had before it read features).

Last line: JSON; `queries_per_s_vs_pytorch` is ours / PyTorch's at k = 20 (medians),
`peak_memory_vs_pytorch` ours / PyTorch's, `_beyond_libraries` the same without the libraries.
Usage: python benchmarks/knn.py [--turns 5] [--bank 200000] [--queries 2000] [--seed 0]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, CLASSES, TEMPERATURE = 384, 1000, 0.07
CASES = {"k20": [20], "k200": [200], "all_k": [10, 20, 100, 200]}
ROWS_AT_ONCE = 8192  # ours, from the file
QUERIES_AT_ONCE = 500  # the authors' chunk of ImageNet's validation set
OURS, NUMPY, PYTORCH = "ours", "ours by NumPy", "PyTorch"
Answer = dict[str, Any]


def draw(folder: Path, bank: int, queries: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((CLASSES, WIDTH), dtype=np.float32)
    for name, images in (("bank", bank), ("queries", queries)):
        labels = rng.integers(0, CLASSES, images).astype(np.int32)
        noise = rng.standard_normal((images, WIDTH), dtype=np.float32)
        np.save(folder / f"{name}.npy", centres[labels] + noise)
        np.save(folder / f"{name}_labels.npy", labels)


def by_pytorch(folder: Path, ks: list[int]) -> dict[int, dict[str, float]]:
    """The authors' algorithm, from its description; votes are added, not multiplied out."""
    import torch
    from torch.nn.functional import normalize

    def read(name: str) -> tuple[torch.Tensor, torch.Tensor]:
        features = torch.from_numpy(np.load(folder / f"{name}.npy"))
        labels = torch.from_numpy(np.load(folder / f"{name}_labels.npy")).long()
        return normalize(features, dim=1), labels

    (bank, bank_labels), (queries, labels) = read("bank"), read("queries")
    found = {}
    for k in ks:
        top1 = top5 = 0
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            part = slice(start, start + QUERIES_AT_ONCE)
            similarity, neighbours = (queries[part] @ bank.t()).topk(k, largest=True, sorted=True)
            votes = torch.zeros(len(similarity), CLASSES)
            votes.scatter_add_(1, bank_labels[neighbours], (similarity / TEMPERATURE).exp())
            right = votes.sort(dim=1, descending=True).indices == labels[part, None]
            top1 += int(right[:, :1].sum())
            top5 += int(right[:, : min(5, k)].sum())
        found[k] = {"top1": 100 * top1 / len(queries), "top5": 100 * top5 / len(queries)}
    return found


def by_us(folder: Path, ks: list[int]) -> dict[int, dict[str, float]]:
    """As `eval.py --protocol knn` does with a cache of features."""
    from mindtune.engine.distributed.world import World
    from mindtune.evaluation.feature_cache import blocks_of
    from mindtune.evaluation.features import LabelledFeatures
    from mindtune.evaluation.knn import evaluate_knn

    bank = blocks_of(np.load(folder / "bank.npy", mmap_mode="r"), ROWS_AT_ONCE)
    queries, labels = (np.load(folder / f"queries{part}.npy") for part in ("", "_labels"))
    return evaluate_knn(
        bank,
        np.load(folder / "bank_labels.npy"),
        LabelledFeatures(queries, labels),
        CLASSES,
        ks,
        TEMPERATURE,
        World(),
    )


def largest_mib() -> float:
    """Of this program alone: what getrusage tells includes the program that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def contest(name: str, folder: Path, threads: int) -> None:
    """Answer one line, the name of a case, after the other."""
    if name == PYTORCH:
        import torch

        torch.set_num_threads(threads)
        run = by_pytorch
    else:
        from mindtune.ops import nearest_neighbours

        run = by_us
        if name == NUMPY:
            nearest_neighbours.find_library = lambda device: None
    libraries = largest_mib()
    for line in sys.stdin:
        started = time.perf_counter()
        found = run(folder, CASES[line.strip()])
        seconds = time.perf_counter() - started
        answer = {"seconds": seconds, "found": found, "libraries": libraries, "peak": largest_mib()}
        print(json.dumps(answer), flush=True)


class Contestant:
    """A process that answers."""

    def __init__(self, name: str, folder: Path, threads: int) -> None:
        words = [sys.executable, __file__, "--contest", name, "--folder", str(folder)]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "GLOG_v": "4"}
        self.process = subprocess.Popen(
            words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.seconds: dict[str, list[float]] = {case: [] for case in CASES}
        self.last: Answer = {}

    def take_turn(self, case: str, counts: bool) -> Answer:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{case}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a contestant ended with code {self.process.wait()}")
        self.last = json.loads(line)
        if counts:
            self.seconds[case].append(self.last["seconds"])
        return self.last["found"]

    def leave(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def check_agreement(found: dict[str, Answer]) -> None:
    """Products differ in their last bits, so the last neighbour of a query may be another."""
    for name, answer in found.items():
        for k, accuracy in answer.items():
            for key, value in accuracy.items():
                if abs(value - found[OURS][k][key]) > 0.2:
                    raise SystemExit(f"{name} and ours differ: k {k} {key} {found}")


def race(contestants: dict[str, Contestant], turns: int) -> None:
    names = list(contestants)
    for case in CASES:
        for turn in range(turns + 1):  # of which the first is not counted
            first = turn % len(names)
            order = names[first:] + names[:first]
            check_agreement({n: contestants[n].take_turn(case, turn > 0) for n in order})


def report(contestants: dict[str, Contestant], queries: int) -> dict[str, float]:
    """Print all, and return the ratios to PyTorch."""
    rates = {
        name: {case: queries / statistics.median(s) for case, s in c.seconds.items()}
        for name, c in contestants.items()
    }
    peaks = {name: c.last["peak"] for name, c in contestants.items()}
    own = {name: c.last["peak"] - c.last["libraries"] for name, c in contestants.items()}
    print(f"\n{'':16}{''.join(f'{case:>10}' for case in CASES)}   queries/s; peak MiB, its own MiB")
    for name, rate in rates.items():
        columns = "".join(f"{value:10.0f}" for value in rate.values())
        print(f"{name:16}{columns}{peaks[name]:14.0f}{own[name]:8.0f}")
    if PYTORCH not in contestants:
        return {}
    ratios = {}
    for name, prefix in ((OURS, ""), (NUMPY, "numpy_")):
        for case, key in (("k20", ""), ("k200", "_k200"), ("all_k", "_all_k")):
            ratio = rates[name][case] / rates[PYTORCH][case]
            ratios[f"{prefix}queries_per_s_vs_pytorch{key}"] = ratio
        ratios[f"{prefix}peak_memory_vs_pytorch"] = peaks[name] / peaks[PYTORCH]
        ratios[f"{prefix}peak_memory_vs_pytorch_beyond_libraries"] = own[name] / own[PYTORCH]
    return ratios


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=5, help="turns of each contestant")
    parser.add_argument("--bank", type=int, default=200_000, help="images to search in")
    parser.add_argument("--queries", type=int, default=2000, help="images to classify")
    parser.add_argument("--seed", type=int, default=0, help="of the features")
    parser.add_argument("--contest", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.turns < 1 or chosen.queries < 1 or chosen.bank < max(CASES["all_k"]):
        parser.error("--turns and --queries: expected at least 1; --bank at least 200")
    return chosen


def main() -> None:
    chosen = arguments()
    threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    if chosen.contest:
        contest(chosen.contest, chosen.folder, threads)
        return
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {threads} threads; bank {chosen.bank} x "
        f"{WIDTH}, {chosen.queries} queries, {CLASSES} classes; {chosen.turns} turns"
    )
    names = [OURS, NUMPY, *([PYTORCH] if importlib.util.find_spec("torch") else [])]
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder), chosen.bank, chosen.queries, chosen.seed)
        contestants = {name: Contestant(name, Path(folder), threads) for name in names}
        race(contestants, chosen.turns)
        for contestant in contestants.values():
            contestant.leave()
    if PYTORCH not in contestants:
        print("PyTorch is not installed: nothing to compare with (extra: parity)")
    ratios = report(contestants, chosen.queries)
    print()
    print(json.dumps({key: round(ratio, 2) for key, ratio in ratios.items()}))


if __name__ == "__main__":
    main()
