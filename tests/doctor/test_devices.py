from __future__ import annotations

import json

import pytest

from mindtune.doctor import devices
from mindtune.doctor.devices import Device, device_findings, read
from mindtune.doctor.finding import State
from mindtune.doctor.program import Ending

# What MindSpore 2.10 says of a device which it cannot use, shortened.
UNSUPPORTED = """Traceback (most recent call last):
RuntimeError: Unsupported device target {0}. This process only supports one of the ['CPU']. \
Please check whether the {0} environment is installed.

- Device load error message:
Load dynamic library: libmindspore_ascend.so.2 failed. libge_runner.so: cannot open shared object
"""


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("Ascend", "libmindspore_ascend.so.2 does not load: libge_runner.so: cannot open shared"),
        ("GPU", "Unsupported device target GPU. This process only supports one of the ['CPU']."),
    ],
)
@pytest.mark.parametrize(
    ("present", "hardware"), [(True, ""), (False, "this machine shows none; ")]
)
def test_a_device_that_mindspore_cannot_use(
    target, reason, present, hardware, tmp_path, monkeypatch
):
    (tmp_path / "device0").touch()
    pattern = "device[0-9]*" if present else "other[0-9]*"
    monkeypatch.setattr(devices, "Path", lambda _: tmp_path)
    monkeypatch.setattr(devices, "_DEVICE_FILES", {target: pattern})
    told = json.dumps({"mindspore": "2.10.0", "library": ""})
    device = read(target, Ending(told, UNSUPPORTED.format(target), succeeded=False))
    assert not device.works
    (finding,) = device_findings([device])
    assert finding.state is State.NOTE
    assert finding.found.startswith(f"not usable: {hardware}{reason}")
    assert "Please check" not in finding.found


def test_what_was_told_before_a_crash_counts():
    output = "\n".join(
        [
            '{"mindspore": "2.10.0", "library": "/a.so", "operators": {"One": true, "Two": true}}',
            "[WARNING] MindSpore says something",
            '{"works": true}',
            '{"testing": "One"}',
            '{"differences": {"One": 1e-7}}',
            '{"testing": "Two"}',
        ]
    )
    device = read("GPU", Ending(output, "", succeeded=False, how="died of SIGSEGV"))
    assert device == Device(
        target="GPU",
        failure="died of SIGSEGV",
        mindspore="2.10.0",
        works=True,
        library="/a.so",
        operators={"One": True, "Two": True},
        testing="Two",
        differences={"One": 1e-7},
    )
    (finding,) = device_findings([device])
    assert (finding.state, finding.found) == (State.OK, "works with MindSpore 2.10.0")


@pytest.mark.parametrize(
    "words",
    [
        "For 'Custom' on CPU, operator failed when executing file /a.so! Error message is {}",
        "For 'Custom' on GPU, error occurs when fetching function 'F'. Error info: {}",
    ],
)
def test_what_a_kernel_says_without_what_mindspore_says_around_it(words):
    told = words.format("/a.so: undefined symbol: F")
    ending = Ending("", f"RuntimeError: {told}\n\n- C++ Call Stack:\nat.cc:1 F", succeeded=False)
    assert read("CPU", ending).failure == "/a.so: undefined symbol: F"


def test_without_the_cpu_nothing_runs():
    ending = Ending('{"mindspore": "2.10.0"}', "SystemError: returned NULL", succeeded=False)
    (finding,) = device_findings([read("CPU", ending)])
    assert finding.state is State.FAULT
    assert finding.found == "MindSpore fails: returned NULL"
    assert "numpy<2" in finding.cure
