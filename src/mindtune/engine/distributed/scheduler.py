"""The process that introduces MindSpore's ranks to each other; rank 0 starts it under mpirun."""

from __future__ import annotations

import os
import signal
import sys

from mindtune.engine.distributed.guard import die_with_parent


def main(parent: int) -> None:
    """Serve until every rank has left; never outlive the process ``parent``."""
    die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        return
    import mindspore as ms
    from mindspore.communication import init

    ms.set_device("CPU")
    init()


if __name__ == "__main__":
    main(int(sys.argv[1]))
