from __future__ import annotations

import socket
import threading

import pytest

from mindtune.engine.distributed.connection import accept_ranks, connect_to_rank_0, listen
from mindtune.errors import UserError


def test_ranks_meet_and_strangers_are_turned_away():
    listener, token = listen("127.0.0.1")
    port = listener.getsockname()[1]
    links = {}

    def connect(rank: int) -> None:
        links[rank] = connect_to_rank_0("127.0.0.1", port, token, rank, seconds=20)

    with socket.create_connection(("127.0.0.1", port)) as stranger:
        stranger.sendall(b'{"token": "guess", "rank": 1, "name": "me"}\n')
        threads = [threading.Thread(target=connect, args=(rank,)) for rank in (1, 2)]
        for thread in threads:
            thread.start()
        found = accept_ranks(listener, token, 3, seconds=20)
        for thread in threads:
            thread.join()
        assert stranger.recv(10) == b""
    by_rank = {connection.peer: connection for connection in found}
    assert sorted(by_rank) == [1, 2]
    assert by_rank[2].name.startswith("rank 2 (process ")
    links[2].send({"failed": "x\ny", "code": 3})
    links[2].send({"done": True})
    links[2].channel.close()
    messages = by_rank[2].receive()
    while len(messages) < 2:
        messages += by_rank[2].receive()
    assert messages == [{"failed": "x\ny", "code": 3}, {"done": True}]
    assert by_rank[2].receive() is None


def test_ranks_that_do_not_come_are_named():
    listener, token = listen("127.0.0.1")
    with pytest.raises(UserError, match=r"ranks: \[1, 2\] did not connect to rank 0 within 1 s"):
        accept_ranks(listener, token, 3, seconds=1)


def test_an_unreachable_rank_0_is_said():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UserError, match=rf"rank 4: cannot reach rank 0 at 127\.0\.0\.1:{port}"):
        connect_to_rank_0("127.0.0.1", port, b"", 4, seconds=1)
