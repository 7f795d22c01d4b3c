"""ResNet-50 at 224 pixels on the CPU: time and peak memory of inference and of a train step.

Each contestant runs alone in processes of its own, by turns: ours with compiled convolutions, ours
composed of MindSpore's operators, and PyTorch's in eager mode, maps channels-last and not (the
faster counts). Weights are random and the same; logits must agree. Memory is the peak of a process
during a few calls after the first. Times are least processor time, the fairer one on a busy
machine, and least wall time. Batch norms use running statistics.

Last line: JSON of ratios, PyTorch's or composed / ours for times, ours / theirs for memory.
Needs PyTorch (extra `parity`).
Usage: python benchmarks/resnet.py [--batch 4] [--turns 3] [--train]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SIDE, CALLS, CLASSES = 224, 3, 1000
CONTESTANTS = ("ours", "composed", "torch", "torch channels-last")
LARGEST_ERROR = 1e-3  # of logits, in terms of the largest


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--train", action="store_true", help="a train step, not inference")
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def images_of(batch: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((batch, 3, SIDE, SIDE), np.float32)


def our_call(composed: bool, batch: int, train: bool, folder: Path) -> Callable[[], np.ndarray]:
    import mindspore as ms
    from mindspore import Tensor, nn

    from mindtune.assemble import build_classifier
    from mindtune.config import RunConfig
    from mindtune.engine.device import use_device
    from mindtune.ops.two_paths import TwoPaths

    use_device("CPU", 0)
    run = RunConfig()
    run.backbone.name, run.tuning.modes, run.head.name = "resnet50", ["full"], "linear"
    network = build_classifier(run, CLASSES)
    network.set_train(False)
    weights = folder / "weights.npz"
    if not weights.exists():
        np.savez(weights, **{p.name: p.asnumpy() for p in network.get_parameters()})
    with np.load(weights) as stored:
        for parameter in network.get_parameters():
            parameter.set_data(Tensor(stored[parameter.name]))
    for _, cell in network.cells_and_names():
        if composed and isinstance(cell, TwoPaths):
            cell.uses_kernel = False
    images = Tensor(images_of(batch))
    if not train:
        return lambda: network(images).asnumpy()
    trained = [p for p in network.trainable_params() if "running" not in p.name]

    class Step(nn.Cell):
        """Loss, and gradients of all weights, as one graph."""

        def __init__(self) -> None:
            super().__init__()
            self.differentiate = ms.value_and_grad(Loss(), None, ms.ParameterTuple(trained))

        def construct(self, images: Tensor) -> tuple:
            return self.differentiate(images)

    class Loss(nn.Cell):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def construct(self, images: Tensor) -> Tensor:
            return (self.network(images) ** 2).mean()

    step = Step()

    def call() -> np.ndarray:
        loss, gradients = step(images)
        gradients[0].asnumpy()
        return loss.asnumpy()

    return call


def torch_call(last: bool, batch: int, train: bool, folder: Path) -> Callable[[], np.ndarray]:
    import torch
    import torch.nn.functional as F  # noqa: N812

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", len(os.sched_getaffinity(0)))))
    form = torch.channels_last if last else torch.contiguous_format
    with np.load(folder / "weights.npz") as stored:
        w = {name: torch.from_numpy(stored[name]) for name in stored.files}
    for name, value in w.items():
        if value.ndim == 4:
            w[name] = value.contiguous(memory_format=form)
        w[name].requires_grad_(train and "running" not in name)
    images = torch.from_numpy(images_of(batch)).contiguous(memory_format=form)

    def conv(x: torch.Tensor, name: str, norm: str, stride: int = 1) -> torch.Tensor:
        weight = w[f"{name}.weight"]
        x = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        parts = (w[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, *parts)

    def network(x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(conv(x, f"{root}conv1", f"{root}bn1", 2)), 3, 2, 1)
        for stage, depth in enumerate((3, 4, 6, 3), 1):
            for number in range(depth):
                at, stride = f"{root}layer{stage}.{number}", 2 if number == 0 < stage - 1 else 1
                y = F.relu(conv(x, f"{at}.conv1", f"{at}.bn1"))
                y = F.relu(conv(y, f"{at}.conv2", f"{at}.bn2", stride))
                y = conv(y, f"{at}.conv3", f"{at}.bn3")
                if number == 0:
                    x = conv(x, f"{at}.downsample.0", f"{at}.downsample.1", stride)
                x = F.relu(x + y)
        head = next(name for name in w if name.endswith("fc.weight")).removesuffix("weight")
        return F.linear(x.mean((2, 3)), w[f"{head}weight"], w[f"{head}bias"])

    root = next(name for name in w if name.endswith("bn1.weight")).removesuffix("bn1.weight")

    def call() -> np.ndarray:
        if not train:
            with torch.inference_mode():
                return network(images).numpy()
        loss = (network(images) ** 2).mean()
        loss.backward()
        for weight in w.values():
            weight.grad = None
        return loss.detach().numpy()

    return call


def run_alone(chosen: argparse.Namespace) -> None:
    """Print what one contestant needed, and leave its answer in the folder."""
    name, folder = chosen.alone[0], Path(chosen.alone[1])
    make = torch_call if name.startswith("torch") else our_call
    option = name in ("composed", "torch channels-last")
    call = make(option, chosen.batch, chosen.train, folder)
    np.save(folder / f"{name}.npy", call())
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    wall, cpu = [], []
    for _ in range(CALLS):
        started = time.perf_counter(), time.process_time()
        call()
        wall.append(time.perf_counter() - started[0])
        cpu.append(time.process_time() - started[1])
    peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
    print(json.dumps({"wall": min(wall), "cpu": min(cpu), "peak": peak}))


def main() -> None:
    chosen = arguments()
    if chosen.alone:
        run_alone(chosen)
        return
    found: dict[str, list[dict[str, float]]] = {name: [] for name in CONTESTANTS}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(chosen.turns):
            for name in CONTESTANTS:
                command = [sys.executable, __file__, "--batch", str(chosen.batch)]
                command += ["--train"] if chosen.train else []
                done = subprocess.run(
                    [*command, "--alone", name, folder], stdout=subprocess.PIPE, check=True
                )
                found[name].append(json.loads(done.stdout.splitlines()[-1]))
        answers = {name: np.load(Path(folder) / f"{name}.npy") for name in CONTESTANTS}
    for name, answer in answers.items():
        error = np.abs(answer - answers["ours"]).max() / np.abs(answers["ours"]).max()
        if not error <= LARGEST_ERROR:
            raise ValueError(f"{name}: {error:.1e} from ours")
    least = {
        name: {key: min(one[key] for one in runs) for key in runs[0]}
        for name, runs in found.items()
    }
    for name, one in least.items():
        print(
            f"{name:20} {1e3 * one['cpu']:8.0f} ms of processors, {1e3 * one['wall']:8.0f} ms, "
            f"peak {one['peak'] / 2**20:6.0f} MiB"
        )
    ours = least["ours"]
    torch = min((least[n] for n in CONTESTANTS if n.startswith("torch")), key=lambda o: o["cpu"])
    print(
        json.dumps(
            {
                "time_vs_torch": round(torch["cpu"] / ours["cpu"], 2),
                "time_vs_composed": round(least["composed"]["cpu"] / ours["cpu"], 2),
                "memory_vs_torch": round(ours["peak"] / torch["peak"], 2),
                "memory_vs_composed": round(ours["peak"] / least["composed"]["peak"], 2),
            }
        )
    )


if __name__ == "__main__":
    main()
