"""Milliseconds of our convolutions on maps against MindSpore's own, forward and with gradients.

Each form gets 8 random maps in the layout it likes, in turn; the least of several rounds. Shapes
are those of ConvNeXt-T and ResNet-50. Last line: JSON of ratios, theirs / ours.
Usage: python benchmarks/convolution.py [ROUNDS]
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from mindtune.layers.conv import ChannelsLastConv
from mindtune.layers.depthwise import DepthwiseConv

BATCH = 8
DEPTHWISE = ((96, 56), (192, 28), (384, 14), (768, 7))  # channels, side of the map
DENSE = (  # in, out, kernel, stride, side of the map
    (64, 64, 3, 1, 56), (128, 128, 3, 2, 56), (256, 256, 3, 1, 14), (3, 64, 7, 2, 224),
)  # fmt: skip


class ShiftedSum(nn.Cell):
    """A depthwise convolution as the sum of shifted, scaled maps."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.weight = ms.Parameter(Tensor(np.ones((kernel, kernel, channels), np.float32)))

    def construct(self, maps: Tensor) -> Tensor:
        _, height, width, _ = maps.shape
        reach = self.kernel // 2
        padded = ops.pad(maps, (0, 0, reach, reach, reach, reach))
        total = 0.0
        for i in range(self.kernel):
            for j in range(self.kernel):
                total = total + padded[:, i : i + height, j : j + width] * self.weight[i, j]
        return total


class WithGradients(nn.Cell):
    """Gradients for the input and every weight."""

    def __init__(self, layer: nn.Cell) -> None:
        super().__init__()
        self.layer = layer
        self.weights = ms.ParameterTuple(layer.trainable_params())
        self.differentiate = ops.GradOperation(get_all=True, get_by_list=True, sens_param=True)

    def construct(self, maps: Tensor, sensitivity: Tensor) -> tuple[tuple[Tensor, ...], ...]:
        return self.differentiate(self.layer, self.weights)(maps, sensitivity)


def random_maps(channels: int, side: int, channels_last: bool) -> Tensor:
    shape = (BATCH, side, side, channels) if channels_last else (BATCH, channels, side, side)
    return Tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


def mindspore_conv(inputs: int, outputs: int, kernel: int, stride: int, group: int) -> nn.Cell:
    return nn.Conv2d(
        inputs, outputs, kernel, stride, "pad", kernel // 2, group=group, has_bias=True
    )


def least_milliseconds(calls: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    found = {name: float("inf") for name in calls}
    for call in calls.values():
        call()  # compiles
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            found[name] = min(found[name], 1e3 * (time.perf_counter() - started))
    return found


def measure(layers: dict[str, tuple[nn.Cell, Tensor]], rounds: int) -> dict[str, float]:
    calls: dict[str, Callable[[], None]] = {}
    for name, (layer, maps) in layers.items():
        gradients, output = WithGradients(layer), layer(maps)
        calls[f"{name}_forward"] = lambda layer=layer, maps=maps: layer(maps).asnumpy()
        calls[f"{name}_gradients"] = lambda gradients=gradients, maps=maps, output=output: (
            gradients(maps, output)[0][0].asnumpy()
        )
    return least_milliseconds(calls, rounds)


def main(rounds: int) -> None:
    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_device("CPU")
    cases: dict[str, dict[str, tuple[nn.Cell, Tensor]]] = {}
    for channels, side in DEPTHWISE:
        last = random_maps(channels, side, channels_last=True)
        first = random_maps(channels, side, channels_last=False)
        cases[f"depthwise_{channels}_{side}"] = {
            "ours": (DepthwiseConv(channels, 7), last),
            "conv2d": (mindspore_conv(channels, channels, 7, 1, channels), first),
            "shifts": (ShiftedSum(channels, 7), last),
        }
    for inputs, outputs, kernel, stride, side in DENSE:
        ours = ChannelsLastConv(inputs, outputs, kernel, stride, kernel // 2)
        cases[f"dense_{inputs}_{kernel}x{kernel}_{stride}_{side}"] = {
            "ours": (ours, random_maps(inputs, side, channels_last=True)),
            "conv2d": (
                mindspore_conv(inputs, outputs, kernel, stride, 1),
                random_maps(inputs, side, channels_last=False),
            ),
        }
    ratios = {}
    for case, layers in cases.items():
        found = measure(layers, rounds)
        print(case, {name: round(value, 1) for name, value in found.items()}, flush=True)
        for name, value in found.items():
            contender, _, what = name.partition("_")
            if contender != "ours":
                ratios[f"{case}_{what}_{contender}"] = round(value / found[f"ours_{what}"], 2)
    print(json.dumps(ratios))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
