"""The devices that MindSpore can use here, each tried in a process of its own."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mindtune.doctor.finding import Finding, State
from mindtune.doctor.program import NO_ANSWER, TAKE_LONGER, Ending, started

DEVICE_TARGETS = ("CPU", "GPU", "Ascend")
_PROBE = (sys.executable, "-m", "mindtune.doctor.device_probe")
_DEVICE_FILES = {"GPU": "nvidia[0-9]*", "Ascend": "davinci[0-9]*"}
_INTRODUCTION = re.compile(r"For 'Custom' on .* Error (?:message is|info:) ")
_NOT_LOADED = re.compile(r"Load dynamic library: (\S+) failed\. (.+)")


@dataclass(frozen=True)
class Device:
    """What ``device_probe`` told about one device before it ended.

    Args:
        target: CPU, GPU or Ascend.
        failure: why the probe did not come to its end; empty where it did.
        mindspore: MindSpore's version; empty where it cannot be imported.
        works: a small network ran on it.
        library: the kernels built for it; empty without any.
        operators: those that have a compiled form, and whether they take it on this device.
        testing: the operator whose kernel was tested last.
        differences: largest relative difference between kernel and composed path, by operator.
        instruction_set: which form of the CPU kernels runs.
    """

    target: str
    failure: str = ""
    mindspore: str = ""
    works: bool = False
    library: str = ""
    operators: dict[str, bool] = field(default_factory=dict)
    testing: str = ""
    differences: dict[str, float] = field(default_factory=dict)
    instruction_set: str = ""


def try_devices(targets: Sequence[str], time_limit: float) -> list[Device]:
    """Try all at the same time, each for ``time_limit`` seconds at most."""
    with contextlib.ExitStack() as stack:
        programs = [
            stack.enter_context(started([*_PROBE, target], time_limit)) for target in targets
        ]
        return [read(target, program.ending()) for target, program in zip(targets, programs)]


def read(target: str, ending: Ending) -> Device:
    """What the probe told."""
    facts = {}
    for line in ending.output.splitlines():
        if line.startswith("{"):  # MindSpore prints, too
            facts.update(json.loads(line))
    failure = "" if ending.succeeded else _reason(target, ending)
    return Device(target, failure, **facts)


def _reason(target: str, ending: Ending) -> str:
    """Why the probe failed, in few of MindSpore's many words."""
    for library, why in _NOT_LOADED.findall(ending.errors):
        if target.lower() in library:
            return f"{library} does not load: {why}"
    return _INTRODUCTION.sub("", ending.reason).split(" Please check ")[0]


def device_findings(devices: Sequence[Device]) -> list[Finding]:
    """A line a device."""
    return [_finding(device) for device in devices]


def _finding(device: Device) -> Finding:
    if device.works:
        return Finding(device.target, f"works with MindSpore {device.mindspore}")
    if device.target == "CPU":
        return Finding("CPU", f"MindSpore fails: {device.failure}", State.FAULT, _cure(device))
    hardware = "" if _has_device_file(device.target) else "this machine shows none; "
    return Finding(device.target, f"not usable: {hardware}{device.failure}", State.NOTE)


def _cure(device: Device) -> str:
    if device.failure.startswith(NO_ANSWER):
        return TAKE_LONGER
    return "pip install --force-reinstall mindspore 'numpy<2', in an environment of its own"


def _has_device_file(target: str) -> bool:
    return any(Path("/dev").glob(_DEVICE_FILES[target]))
