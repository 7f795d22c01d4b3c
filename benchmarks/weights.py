"""Seconds and peak memory of reading a ViT-L against torch's and safetensors' own loaders.

A random ViT-L/16 (1.2 GB) is written once by torch.save and once by safetensors; each reader then
runs in a process of its own, in turn, the files in the page cache. Reading ends when every page of
every tensor has been touched, since some readers map the file and others copy it. Memory is the
growth of the process's peak; pages of a mapped file count. Best of several rounds. Last line: JSON
of ratios, ours / theirs, and of peak bytes over the size of the file.
Needs the extra parity. Usage: python benchmarks/weights.py [ROUNDS]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

_PAGE = 1024  # float32 values


def with_mindtune(file: Path) -> Mapping[str, np.ndarray]:
    from mindtune.weights.readers import read_tensors

    return read_tensors(file).tensors


def with_torch(file: Path) -> Mapping[str, np.ndarray]:
    import torch

    state_dict = torch.load(file, map_location="cpu", weights_only=True)
    return {name: tensor.numpy() for name, tensor in state_dict.items()}


def with_safetensors(file: Path) -> Mapping[str, np.ndarray]:
    from safetensors.numpy import load_file

    return load_file(file)


def with_safetensors_torch(file: Path) -> Mapping[str, np.ndarray]:
    from safetensors.torch import load_file

    return {name: tensor.numpy() for name, tensor in load_file(file).items()}


READERS: dict[str, Callable[[Path], Mapping[str, np.ndarray]]] = {
    "mindtune": with_mindtune,
    "torch": with_torch,
    "safetensors": with_safetensors,
    "safetensors.torch": with_safetensors_torch,
}


def write_vit_large(folder: Path) -> tuple[Path, Path]:
    """The same random weights as ``.pth`` and as ``.safetensors``."""
    import torch
    from mindspore.nn.utils import no_init_parameters
    from safetensors.torch import save_file

    from mindtune.backbones import create_backbone

    with no_init_parameters():
        weights = create_backbone("vit_large_patch16_224").parameters_and_names()
        shapes = {name: parameter.shape for name, parameter in weights}
    tensors = {name: torch.randn(shape) for name, shape in shapes.items()}
    torch.save(tensors, folder / "vit_l.pth")
    save_file(tensors, folder / "vit_l.safetensors")
    return folder / "vit_l.pth", folder / "vit_l.safetensors"


def peak_bytes() -> int:
    """Of this process (Linux); getrusage would count what its parent had at the fork."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


def measure(reader: str, file: Path, warm: Path) -> dict[str, float]:
    """Seconds and bytes of one reading, after a small file has loaded the reader's libraries."""
    READERS[reader](warm)
    before, started = peak_bytes(), time.perf_counter()
    tensors = READERS[reader](file)
    touched = sum(float(tensor.reshape(-1)[::_PAGE].sum()) for tensor in tensors.values())
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "bytes": peak_bytes() - before, "touched": touched}


def in_a_process(reader: str, file: Path, warm: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", reader, str(file), str(warm)]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(finished.stdout.splitlines()[-1])


def write_small(folder: Path) -> dict[str, Path]:
    import torch
    from safetensors.torch import save_file

    torch.save({"a": torch.zeros(3)}, folder / "small.pth")
    save_file({"a": torch.zeros(3)}, folder / "small.safetensors")
    return {suffix: folder / f"small{suffix}" for suffix in (".pth", ".safetensors")}


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        warm = write_small(folder)
        pth, safetensors = write_vit_large(folder)
        contenders = [
            ("mindtune", pth),
            ("torch", pth),
            ("mindtune", safetensors),
            ("safetensors", safetensors),
            ("safetensors.torch", safetensors),
        ]
        best: dict[tuple[str, str], dict[str, float]] = {}
        for _ in range(rounds):
            for reader, file in contenders:
                found = in_a_process(reader, file, warm[file.suffix])
                known = best.setdefault((reader, file.suffix), found)
                best[reader, file.suffix] = {key: min(found[key], known[key]) for key in found}
        sizes = {file.suffix: file.stat().st_size for file in (pth, safetensors)}
    for (reader, suffix), found in best.items():
        share = found["bytes"] / sizes[suffix]
        print(f"{reader:<18} {suffix:<12} {found['seconds']:.3f} s, peak {share:.2f} of the file")
    print(json.dumps(ratios(best, sizes)))


def ratios(
    best: Mapping[tuple[str, str], Mapping[str, float]], sizes: Mapping[str, int]
) -> dict[str, float]:
    def seconds(reader: str, suffix: str) -> float:
        return best[reader, suffix]["seconds"]

    def peak(reader: str, suffix: str) -> float:
        return round(best[reader, suffix]["bytes"] / sizes[suffix], 3)

    ours = seconds("mindtune", ".safetensors")
    return {
        "pth_time_vs_torch": round(seconds("mindtune", ".pth") / seconds("torch", ".pth"), 3),
        "pth_peak_bytes_vs_file": peak("mindtune", ".pth"),
        "torch_peak_bytes_vs_file": peak("torch", ".pth"),
        "safetensors_time_vs_own_loader": round(ours / seconds("safetensors", ".safetensors"), 3),
        "safetensors_time_vs_its_torch_loader": round(
            ours / seconds("safetensors.torch", ".safetensors"), 3
        ),
        "safetensors_peak_bytes_vs_file": peak("mindtune", ".safetensors"),
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        chosen, measured, small = sys.argv[2:]
        print(json.dumps(measure(chosen, Path(measured), Path(small))))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
