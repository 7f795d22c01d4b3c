"""A classifier as an ONNX file."""

from __future__ import annotations

from pathlib import Path

from mindtune.errors import ConfigError
from mindtune.files import write_atomically
from mindtune.networks.classifier import Classifier, UnnormedClassifier
from mindtune.onnx_graph import (
    attention,
    beit,
    clip,
    clip_resnet,
    convnets,
    heads,
    layers,
    maps,
    swin,
    vit,
)
from mindtune.onnx_graph.builder import GraphBuilder, Writer
from mindtune.parameters import weights_of

INPUT = "images"
OUTPUT = "logits"
_LARGEST_FILE = 2**31 - 2**24  # protobuf ends at 2 GiB; the graph around the weights needs little


def classifier(graph: GraphBuilder, cell: Classifier, images: str) -> str:
    """Images (B, 3, S, S) -> logits (B, K)."""
    tokens, pooled = graph.cell(cell.backbone, images)
    return graph.cell(cell.head, tokens, pooled)


def unnormed_classifier(graph: GraphBuilder, cell: UnnormedClassifier, images: str) -> str:
    """Images (B, 3, S, S) -> logits (B, K), the head reading tokens before the final norm."""
    backbone = BACKBONES[type(cell.backbone)]
    tokens = backbone.tokens(graph, cell.backbone, images)
    _, pooled = backbone.features(graph, cell.backbone, tokens)
    return graph.cell(cell.head, tokens, pooled)


BACKBONES = {
    **vit.BACKBONES,
    **beit.BACKBONES,
    **swin.BACKBONES,
    **clip.BACKBONES,
    **clip_resnet.BACKBONES,
    **convnets.BACKBONES,
}

WRITERS: dict[type, Writer] = {
    Classifier: classifier,
    UnnormedClassifier: unnormed_classifier,
    **{cell: backbone.both for cell, backbone in BACKBONES.items()},
    **attention.WRITERS,
    **vit.WRITERS,
    **beit.WRITERS,
    **swin.WRITERS,
    **clip.WRITERS,
    **clip_resnet.WRITERS,
    **convnets.WRITERS,
    **maps.WRITERS,
    **heads.WRITERS,
    **layers.WRITERS,
}


def write_onnx(network: Classifier, file: Path, fixed_batch: int | None) -> None:
    """Write ``network`` in evaluation mode: ``images`` float32 (B, 3, S, S) -> ``logits`` (B, K).

    The file holds every weight once, float32, under its parameter's name and shape. B is
    ``fixed_batch``, or any where that is None; images are normalised as for the network itself.

    Raises:
        ConfigError: a part of the network cannot be written, or all is larger than a file can be.
        UserError: the package onnx is missing.
        CheckpointError: ``file`` cannot be written.
    """
    _check_size(network)
    graph = GraphBuilder(network, WRITERS)
    logits = graph.cell(network, INPUT)
    _check_complete(network, graph)
    size = network.backbone.preprocessing.input_size
    shape = ("batch" if fixed_batch is None else fixed_batch, 3, size, size)
    write_atomically(file, graph.file(INPUT, shape, logits, OUTPUT))


def _check_size(network: Classifier) -> None:
    """Refuse what one protobuf message cannot hold."""
    size = 4 * sum(p.size for p in weights_of(network))
    if size > _LARGEST_FILE:
        raise ConfigError(
            f"file_format: got ONNX for {size / 2**30:.2f} GiB of weights, expected less than the "
            "2 GiB that one ONNX file can hold; use --file_format MINDIR"
        )


def _check_complete(network: Classifier, graph: GraphBuilder) -> None:
    """Refuse a network with a parameter which no writer knows, or with two of one name."""
    left = [p.name for p in weights_of(network) if graph.parameters.get(p.name) is not p]
    if left:
        raise ConfigError(
            f"file_format: got ONNX for a network with the parameters {', '.join(left[:5])}, which "
            "no ONNX writer uses, expected only those of its known parts; "
            "use --file_format MINDIR"
        )
