"""The compiled kernels: built or not, in use or not, right or not."""

from __future__ import annotations

from collections.abc import Sequence

from mindtune.doctor.devices import Device
from mindtune.doctor.finding import Finding, State
from mindtune.doctor.program import NO_ANSWER, TAKE_LONGER

_TOLERANCE = 1e-4  # relative; float32 in another order of summation stays below 1e-5
_REBUILD = "pip install --force-reinstall --no-deps . in MindTune's folder"
_NAMES = {"CPU": "CPU kernels", "GPU": "CUDA kernels"}
_BUILD_CURES = {
    "CPU": f"install a C++ compiler such as g++, then {_REBUILD}",
    "GPU": "bash scripts/build_cuda_kernels.sh in MindTune's folder, where nvcc is installed",
}
_MEND_CURES = {"CPU": _REBUILD, "GPU": "bash scripts/build_cuda_kernels.sh in MindTune's folder"}


def kernel_findings(devices: Sequence[Device]) -> list[Finding]:
    """The library of each kind of kernel, and the path of each operator where its device works."""
    findings = []
    for device in devices:
        if device.target in _NAMES:
            findings.append(_library_finding(device))
            if device.works:
                findings += [_operator_finding(device, name) for name in device.operators]
    return findings


def _library_finding(device: Device) -> Finding:
    subject = _NAMES[device.target]
    if not device.mindspore:
        return Finding(subject, "not looked for, as MindSpore does not start", State.NOTE)
    if not device.library:
        found = "not built: operators are composed of MindSpore's, with the same results, slower"
        return Finding(subject, found, State.NOTE, _BUILD_CURES[device.target])
    if not device.works:
        return Finding(subject, f"built, not tried: {device.target} does not work", State.NOTE)
    if device.failure:
        found = f"broken: {device.failure}"
        return Finding(subject, found, State.FAULT, _cure_of_broken(device))
    instructions = f" with {device.instruction_set}" if device.instruction_set else ""
    return Finding(subject, f"built, in use{instructions}")


def _cure_of_broken(device: Device) -> str:
    if "MINDTUNE_INSTRUCTION_SET" in device.failure:
        return "unset MINDTUNE_INSTRUCTION_SET, or set it to one of those"
    if device.failure.startswith(NO_ANSWER):
        return TAKE_LONGER
    return _MEND_CURES[device.target]


def _operator_finding(device: Device, operator: str) -> Finding:
    subject = f"  {operator}"
    if not device.operators[operator]:
        return Finding(subject, "composed path")
    difference = device.differences.get(operator)
    if difference is None:
        died = ", during whose test it failed" if operator == device.testing else ", not tested"
        return Finding(subject, f"compiled kernel{died}", State.NOTE)
    found = f"compiled kernel, within {difference:.1e} of the composed path, relatively"
    if difference <= _TOLERANCE:  # not so for NaN
        return Finding(subject, found)
    found = f"compiled kernel, wrong: {difference:.1e} from the composed path, relatively"
    return Finding(subject, found, State.FAULT, _MEND_CURES[device.target])
