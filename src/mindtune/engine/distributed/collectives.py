"""Exact exchange of host data over the device's collectives.

Everything travels as int32, the one type that every backend gathers and broadcasts, so that floats
and 64-bit counts keep their bits.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from mindspore import Parameter, Tensor, ops

_BROADCAST_WORDS = 1 << 20  # int32 a message: 4 MiB


def all_gather_bytes(content: bytes) -> list[bytes]:
    """What every rank passed, in the order of ranks; lengths may differ."""
    lengths = _all_gather(np.array([len(content)], np.int32))[:, 0]
    words = np.zeros(-(-int(lengths.max()) // 4) or 1, np.int32)
    words.view(np.uint8)[: len(content)] = np.frombuffer(content, np.uint8)
    return [row.tobytes()[:length] for row, length in zip(_all_gather(words), lengths)]


def all_gather_json(value: Any) -> list[Any]:
    """What every rank passed, in the order of ranks."""
    return [json.loads(content) for content in all_gather_bytes(json.dumps(value).encode())]


def all_gather(values: np.ndarray) -> list[np.ndarray]:
    """Arrays of one type and rank, in the order of ranks; their first axis may differ in length."""
    gathered = all_gather_bytes(np.ascontiguousarray(values).tobytes())
    return [np.frombuffer(row, values.dtype).reshape(-1, *values.shape[1:]) for row in gathered]


def sum_over_ranks(values: np.ndarray) -> np.ndarray:
    """Sum of float64 ``values`` over all ranks, the same bits on each: ranks are added in order."""
    gathered = all_gather_bytes(np.ascontiguousarray(values, np.float64).tobytes())
    return np.sum([np.frombuffer(row) for row in gathered], axis=0).reshape(values.shape)


def broadcast_parameters(parameters: Sequence[Parameter]) -> None:
    """Give every rank the values of rank 0, bit for bit."""
    arrays = [p.asnumpy() for p in parameters]
    content = np.concatenate([array.reshape(-1).view(np.uint8) for array in arrays])
    message = np.zeros(_BROADCAST_WORDS, np.int32)
    broadcast = ops.Broadcast(0)
    for start in range(0, len(content), message.nbytes):
        part = content[start : start + message.nbytes]
        message.view(np.uint8)[: len(part)] = part
        received = broadcast((Tensor(message.copy()),))[0].asnumpy()
        part[:] = received.view(np.uint8)[: len(part)]
    position = 0
    for parameter, array in zip(parameters, arrays):
        values = content[position : position + array.nbytes].view(array.dtype)
        parameter.set_data(Tensor(values.reshape(array.shape)))
        position += array.nbytes


def _all_gather(words: np.ndarray) -> np.ndarray:
    """int32 (n,) of every rank, (ranks, n)."""
    return ops.AllGather()(Tensor(words)).asnumpy().reshape(-1, len(words))
