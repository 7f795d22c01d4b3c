"""Our networks, as the command line builds them, and what PyTorch needs to build the same."""

from __future__ import annotations

from collections.abc import Callable

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from mindtune.assemble import build_classifier
from mindtune.config import RunConfig
from mindtune.engine.optim import AdamW
from mindtune.engine.step import TrainStep
from mindtune.objectives.supervised import SupervisedObjective
from vision_transformers.cases import CLASSES, Case


def build(case: Case) -> nn.Cell:
    """The network, with random weights; what trains has ``requires_grad``."""
    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_seed(0)
    run = RunConfig()
    run.backbone.name, run.backbone.image_size = case.backbone, case.image_size
    run.tuning.modes, run.head.name = list(case.modes), case.head
    run.head.moment.width = case.head_width
    network = build_classifier(run, CLASSES)
    network.set_train(case.trains)
    return network


def call_of(case: Case, network: nn.Cell) -> Callable:
    """Logits as NumPy's or, where the case trains, a train step which gives its loss."""
    images, targets = map(Tensor, case.batch_of())
    if not case.trains:
        return lambda: network(images).asnumpy()
    trained = network.trainable_params()
    step = TrainStep(SupervisedObjective(network), trained, AdamW(trained, 0.05))
    return lambda: step(1e-5, 0, [(images, targets)]).loss()


def arrays_of(network: nn.Cell) -> dict[str, np.ndarray]:
    """Parameters by name, and of window attention the masks and the rows of the bias table."""
    arrays = {p.name: p.asnumpy().copy() for p in network.get_parameters()}
    for name, cell in network.backbone.cells_and_names():
        if hasattr(cell, "relative_position_bias_table"):
            arrays[f"{name}.mask"], arrays[f"{name}.index"] = (
                cell.mask.asnumpy(),
                cell.index.asnumpy(),
            )
    return arrays


def facts_of(network: nn.Cell) -> dict:
    """Numbers that the shapes of the parameters do not tell."""
    arch = network.backbone.arch
    facts = {"eps": arch.norm_eps, "classifier": network.backbone.classifier}
    if not hasattr(arch, "window_size"):
        return {**facts, "depths": [arch.depth], "heads": [arch.num_heads]}
    blocks = {
        name: cell.windows
        for name, cell in network.backbone.cells_and_names()
        if name.rpartition(".")[0].endswith("blocks")
    }
    return {
        **facts,
        "depths": list(arch.depths),
        "heads": list(arch.num_heads),
        "windows": {name: [w.window[0], w.shift[0]] for name, w in blocks.items()},
        "counts": {name: w.count for name, w in blocks.items()},
    }
