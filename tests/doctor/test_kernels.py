"""States of the kernels that need a device or a fault which is not at hand."""

from __future__ import annotations

import math

import pytest

from mindtune.doctor.devices import Device
from mindtune.doctor.finding import State
from mindtune.doctor.kernels import kernel_findings

GPU = Device("GPU", mindspore="2.10.0", operators={"MomentPooling": True})
WITH_LIBRARY = {"library": "/libmindtune_cuda.so", "works": True}


def gpu(**facts: object) -> Device:
    return Device(**{**vars(GPU), **facts})


@pytest.mark.parametrize(
    ("device", "state", "found", "cure"),
    [
        (gpu(), State.NOTE, "not built", "bash scripts/build_cuda_kernels.sh"),
        (gpu(works=True), State.NOTE, "not built", "bash scripts/build_cuda_kernels.sh"),
        (gpu(library="/a.so"), State.NOTE, "built, not tried: GPU does not work", ""),
        (gpu(**WITH_LIBRARY, differences={"MomentPooling": 1e-7}), State.OK, "built, in use", ""),
        (
            gpu(**WITH_LIBRARY, failure="died of SIGSEGV", testing="MomentPooling"),
            State.FAULT,
            "broken: died of SIGSEGV",
            "bash scripts/build_cuda_kernels.sh",
        ),
        (
            gpu(**WITH_LIBRARY, failure="no answer within 9 s", testing="MomentPooling"),
            State.FAULT,
            "broken: no answer within 9 s",
            "let it take longer with --time_limit SECONDS",
        ),
    ],
)
def test_the_library(device, state, found, cure):
    finding = kernel_findings([device])[0]
    assert finding.subject == "CUDA kernels"
    assert finding.state is state
    assert finding.found.startswith(found)
    assert finding.cure.startswith(cure)
    assert bool(finding.cure) == bool(cure)


@pytest.mark.parametrize(
    ("difference", "state"),
    [(0.0, State.OK), (9e-5, State.OK), (1.1e-4, State.FAULT), (math.nan, State.FAULT)],
)
def test_a_kernel_that_computes_something_else_is_a_fault(difference, state):
    device = gpu(**WITH_LIBRARY, differences={"MomentPooling": difference})
    _, finding = kernel_findings([device])
    assert finding.subject.strip() == "MomentPooling"
    assert finding.state is state
    assert ("wrong" in finding.found) == bool(finding.cure) == (state is State.FAULT)


def test_an_operator_without_a_kernel_on_this_device():
    device = gpu(**WITH_LIBRARY, operators={"ShrinkingBlock": False})
    library, finding = kernel_findings([device])
    assert library.state is State.OK
    assert (finding.subject.strip(), finding.found) == ("ShrinkingBlock", "composed path")


def test_ascend_has_no_kernels_to_speak_of():
    assert kernel_findings([Device("Ascend", mindspore="2.10.0", works=True)]) == []
