"""TCP connections between rank 0 and every other rank, and how they are made."""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from dataclasses import dataclass
from typing import Any

from mindtune.errors import UserError

_TOKEN_BYTES = 16

Message = dict[str, Any]


@dataclass
class Connection:
    """One end of a connection: JSON messages, a line each.

    Attributes:
        peer: rank at the other end.
        name: how messages to the user call it.
        done: whether the peer has finished its work.
    """

    channel: socket.socket
    peer: int
    name: str = "rank 0"
    done: bool = False
    _rest: bytes = b""

    def send(self, message: Message) -> None:
        """Write one message; a peer that is gone is noticed where it is read from."""
        try:
            self.channel.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            return

    def receive(self) -> list[Message] | None:
        """The messages that have arrived; None at the end."""
        try:
            content = self.channel.recv(65536)
        except OSError:
            return None
        if not content:
            return None
        *lines, self._rest = (self._rest + content).split(b"\n")
        try:
            return [json.loads(line) for line in lines]
        except ValueError:
            return None


def listen(host: str) -> tuple[socket.socket, bytes]:
    """What rank 0 opens: a listening socket on a free port, and the password of this run."""
    listener = socket.create_server((host, 0), backlog=4096)
    return listener, secrets.token_bytes(_TOKEN_BYTES)


def accept_ranks(
    listener: socket.socket, token: bytes, size: int, seconds: int
) -> list[Connection]:
    """Rank 0's connections to all others.

    Raises:
        UserError: some do not connect within ``seconds``.
    """
    end = time.monotonic() + seconds
    found: dict[int, Connection] = {}
    while len(found) < size - 1:
        listener.settimeout(max(end - time.monotonic(), 0.01))
        try:
            channel, _ = listener.accept()
        except OSError as error:
            missing = sorted(set(range(1, size)) - set(found))
            raise UserError(
                f"ranks: {missing} did not connect to rank 0 within {seconds} s; check that the "
                "machines reach each other"
            ) from error
        connection = _welcome(channel, token, seconds)
        if connection is not None:
            found[connection.peer] = connection
    listener.close()
    return list(found.values())


def connect_to_rank_0(host: str, port: int, token: bytes, rank: int, seconds: int) -> Connection:
    """Another rank's connection.

    Raises:
        UserError: rank 0 cannot be reached.
    """
    try:
        channel = socket.create_connection((host, port), timeout=seconds)
    except OSError as error:
        raise UserError(
            f"rank {rank}: cannot reach rank 0 at {host}:{port} ({error.strerror or error}); check "
            "that the machines reach each other"
        ) from error
    _keep_alive(channel, seconds)
    connection = Connection(channel, 0)
    name = f"rank {rank} (process {os.getpid()} on {socket.gethostname()})"
    connection.send({"token": token.hex(), "rank": rank, "name": name})
    connection.receive()
    return connection


def _welcome(channel: socket.socket, token: bytes, seconds: int) -> Connection | None:
    """A rank that knows the password; None for anybody else."""
    _keep_alive(channel, seconds)
    connection = Connection(channel, -1)
    hello = (connection.receive() or [{}])[0]
    if hello.get("token") != token.hex():
        channel.close()
        return None
    connection.peer, connection.name = hello["rank"], hello["name"]
    connection.send({"welcome": True})
    return connection


def _keep_alive(channel: socket.socket, seconds: int) -> None:
    """Let the kernel notice within ``seconds`` that the machine at the other end is gone."""
    quarter = max(seconds // 4, 1)
    channel.settimeout(None)
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, quarter)
    channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, quarter)
    channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
