"""A process that judges batches of replies for the HTTP API, given the number of an open socket.

Messages are pickles behind their length, in both directions; the server, which started the
process, is the only one that can send any. It ends when the server closes the socket, which the system does if that is
killed. Signals that a terminal or a service manager sends to all processes are left to the server.
"""

from __future__ import annotations

import pickle
import signal
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from undeliverable import Knowledge
from undeliverable.serve._judging import Judging
from undeliverable.serve._problems import ApiError
from undeliverable.serve._replies import Judged, judged

__all__ = ["LENGTH", "Job", "Setup", "main", "packed", "work"]

LENGTH: Final = struct.Struct("!Q")


class Setup(NamedTuple):
    """What a worker judges by, until it gets another one."""

    knowledge: Knowledge
    context: Mapping[str, object] | None


class Job(NamedTuple):
    """The body of one request, and how many replies it may hold."""

    body: bytes
    most: int


def packed(value: object) -> bytes:
    """Return a message."""
    text = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(text)) + text


def work(link: socket.socket) -> None:
    """Say that the work can begin, and answer each job until the other side closes the socket."""
    judging = Judging(None, None)
    with suppress(ConnectionError), link, link.makefile("rwb") as file:
        file.write(packed(None))
        file.flush()
        while head := file.read(LENGTH.size):
            message: Any = pickle.loads(file.read(*LENGTH.unpack(head)))  # noqa: S301 # of the server that started this process
            if isinstance(message, Setup):
                judging = Judging(message.knowledge, message.context)
            else:
                file.write(packed(_answer(judging, message)))
                file.flush()


def _answer(judging: Judging, job: Job) -> Judged | Exception:
    try:
        return next(found for found in judged(judging, *job) if found is not None)
    except ApiError as error:
        return error
    except Exception as error:  # noqa: BLE001 # the server logs it
        return RuntimeError(f"{type(error).__name__}: {error}")


def main(arguments: list[str]) -> None:
    """Work on the socket that the argument names."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    work(socket.socket(fileno=int(arguments[0])))
