from __future__ import annotations

import os
import signal

import pytest

from mindtune.engine.distributed.stopping import STOP_SIGNALS, StopRequest, StopRequested


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_the_first_signal_is_noted_and_the_second_acts(number):
    heard = []
    before = signal.signal(number, lambda number, _: heard.append(number))
    try:
        stop = StopRequest()
        with stop.listening():
            assert not stop.is_due
            os.kill(os.getpid(), number)
            assert stop.is_due
            assert (stop.number, heard) == (number, [])
            os.kill(os.getpid(), number)
            assert heard == [number]
        os.kill(os.getpid(), number)
        assert heard == [number, number]
    finally:
        signal.signal(number, before)


def test_only_who_serves_stops():
    assert list(StopRequest(serve=False, number=15).interrupting([1, 2])) == [1, 2]
    assert list(StopRequest().interrupting([1, 2])) == [1, 2]
    with pytest.raises(StopRequested):
        list(StopRequest(number=15).interrupting([1, 2]))
