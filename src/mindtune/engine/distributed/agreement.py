"""What all ranks must have in common, checked: configuration, data, and what training made."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mindspore import Parameter

from mindtune.engine.distributed.collectives import all_gather_bytes, all_gather_json
from mindtune.errors import UserError


class RanksDifferError(UserError):
    """Ranks of one run do not agree."""


def check_same_values(what: str, values: Mapping[str, Any], cure: str) -> None:
    """Refuse ranks whose ``values`` (JSON) differ from rank 0's.

    Raises:
        RanksDifferError: naming the first differing key and both values, on every rank.
    """
    own, *others = all_gather_json(values)
    for rank, other in enumerate(others, start=1):
        for key in sorted(own.keys() | other.keys()):
            if own.get(key) != other.get(key):
                raise RanksDifferError(
                    f"{what}: {key} is {_short(own.get(key))} on rank 0 and "
                    f"{_short(other.get(key))} on rank {rank}, expected the same; {cure}"
                )


def check_same_parameters(parameters: Sequence[Parameter], step: int) -> None:
    """Refuse ranks whose weights, averages or optimiser states have drifted apart.

    Raises:
        RanksDifferError: naming the first parameter that differs, on every rank.
    """
    sums = np.array([zlib.crc32(p.asnumpy().tobytes()) for p in parameters], np.uint32)
    own, *others = (np.frombuffer(row, np.uint32) for row in all_gather_bytes(sums.tobytes()))
    for rank, other in enumerate(others, start=1):
        differing = np.flatnonzero(own != other)
        if len(differing):
            raise RanksDifferError(
                f"ranks: after update {step} {len(differing)} of {len(own)} parameters differ "
                f"between rank 0 and rank {rank} (first {parameters[differing[0]].name}), expected "
                "equal ones; continue from the last checkpoint with --resume auto, and report it"
            )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
