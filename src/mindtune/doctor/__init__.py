"""What works on this machine: versions, devices, processors, MPI and compiled kernels.

MindSpore, its devices and the kernels are tried in processes of their own with a time limit, since
a driver that hangs or a library that crashes must not take the report with it.
"""

from __future__ import annotations

from mindtune.doctor.devices import DEVICE_TARGETS, device_findings, try_devices
from mindtune.doctor.finding import Section
from mindtune.doctor.installation import extra_findings, mpi_findings, version_findings
from mindtune.doctor.kernels import kernel_findings
from mindtune.doctor.machine import machine_findings


def examine(time_limit: float) -> list[Section]:
    """The whole report; each process may take ``time_limit`` seconds."""
    devices = try_devices(DEVICE_TARGETS, time_limit)
    return [
        Section("Versions", version_findings()),
        Section("Machine", machine_findings()),
        Section("Devices", device_findings(devices)),
        Section("Compiled kernels", kernel_findings(devices)),
        Section("Several processes", mpi_findings(time_limit)),
        Section("Extras", extra_findings()),
    ]
