"""A graph under construction: nodes, constants and the network's parameters."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from mindspore import Parameter, nn

from mindtune.errors import ConfigError
from mindtune.optional_packages import require_package
from mindtune.version import __version__

OPSET = 17  # the first with LayerNormalization; onnxruntime 1.16 (2023) and 1.31 read the files
END = 2**63 - 1  # a Slice that ends here goes up to the end of the axis
IR_VERSION = 8  # the one that belongs to this opset: a newer one shuts older runtimes out

_MOST_SHOWN = 16  # numbers of a constant that its name spells out

Writer = Callable[..., Any]
"""``writer(graph, cell, *values)`` adds the nodes of one Cell type in evaluation mode.

It returns what the Cell's ``construct`` does, with the names of values in place of tensors.
"""


class GraphBuilder:
    """Collects an ONNX graph while the Cells of a network are walked.

    Values are handled by name. Writers are found by the exact type of a Cell, since a subclass may
    compute something else than its parent.

    Attributes:
        parameters: the parameters used so far, by name.
    """

    def __init__(self, network: nn.Cell, writers: Mapping[type, Writer]) -> None:
        self.parameters: dict[str, Parameter] = {}
        self._onnx = require_package("onnx", "file_format: got ONNX", "onnx")
        self._writers = writers
        self._paths = {id(cell): path for path, cell in network.cells_and_names()}
        self._path = ""
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}

    def cell(self, cell: nn.Cell, *values: str) -> Any:
        """Add the nodes of ``cell``; returns the names of its outputs.

        Raises:
            ConfigError: no writer for this type of Cell.
        """
        path = self._paths[id(cell)]
        if type(cell) not in self._writers:
            known = ", ".join(sorted(t.__name__ for t in self._writers))
            raise ConfigError(
                f"file_format: got ONNX for a network with {type(cell).__name__} at "
                f"{path or 'its root'}, expected only Cells which can be written: {known}; "
                "use --file_format MINDIR"
            )
        outer, self._path = self._path, path
        outputs = self._writers[type(cell)](self, cell, *values)
        self._path = outer
        return outputs

    def node(self, op: str, *inputs: str, **attributes: object) -> str:
        """Add an operator with one output; returns the output's name."""
        return self.split_node(op, 1, *inputs, **attributes)[0]

    def split_node(self, op: str, count: int, *inputs: str, **attributes: object) -> list[str]:
        """Add an operator with ``count`` outputs; returns their names."""
        name = f"{self._path}/{op}_{len(self._nodes)}"
        outputs = [name] if count == 1 else [f"{name}.{i}" for i in range(count)]
        make_node = self._onnx.helper.make_node
        self._nodes.append(make_node(op, inputs, outputs, name=name, **attributes))
        return outputs

    def parameter(self, parameter: Parameter) -> str:
        """Use a parameter, which the file holds once under its own name and shape."""
        self.parameters[parameter.name] = parameter
        return parameter.name

    def number(self, value: float) -> str:
        """A float32 scalar."""
        return self._constant(np.array(value, np.float32))

    def integers(self, values: int | Sequence[int] | np.ndarray) -> str:
        """An int64 scalar or array: indices, axes, shapes."""
        return self._constant(np.array(values, np.int64))

    def floats(self, values: np.ndarray) -> str:
        """A float32 array which is no parameter: masks, coordinates."""
        return self._constant(np.array(values, np.float32))

    def _constant(self, array: np.ndarray) -> str:
        value = array.tolist() if array.size <= _MOST_SHOWN else _digest(array)
        name = f"constant/{array.dtype}/{value}"
        if name not in self._constants:
            self._constants[name] = self._onnx.numpy_helper.from_array(array, name)
        return name

    def file(
        self, images: str, image_shape: Sequence[int | str], logits: str, output: str
    ) -> bytes:
        """The ONNX file of the graph, checked.

        Args:
            images: name of the input.
            image_shape: its sizes; a name stands for a size that may vary.
            logits: the value to give out.
            output: the name under which to give it out.
        """
        model = self._model_without_weights(images, image_shape, logits, output)
        for name, parameter in self.parameters.items():
            value = parameter.asnumpy().astype(np.float32, copy=False)
            model.graph.initializer.append(self._onnx.numpy_helper.from_array(value, name))
        content = model.SerializeToString()
        self._onnx.checker.check_model(content)
        return content

    def _model_without_weights(
        self, images: str, image_shape: Sequence[int | str], logits: str, output: str
    ) -> Any:
        """The model with all shapes inferred and found to fit.

        Parameters are inputs while the shapes are inferred: given as values they would be copied
        several times.
        """
        helper, float32 = self._onnx.helper, self._onnx.TensorProto.FLOAT
        shapes = {images: image_shape, **{n: p.shape for n, p in self.parameters.items()}}
        graph = helper.make_graph(
            [*self._nodes, helper.make_node("Identity", [logits], [output], name=output)],
            "mindtune",
            [helper.make_tensor_value_info(name, float32, s) for name, s in shapes.items()],
            [helper.make_tensor_value_info(output, float32, None)],
            self._constants.values(),
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="mindtune",
            producer_version=__version__,
        )
        model = self._onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
        del model.graph.input[1:]
        return model


def _digest(array: np.ndarray) -> str:
    """Shape and hash of a constant, equal for equal ones only."""
    shape = "x".join(map(str, array.shape))
    return f"{shape}/{hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()}"
