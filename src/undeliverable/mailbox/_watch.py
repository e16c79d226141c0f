"""Keep a connection to a mailbox and read what arrives; after a drop, connect again with growing pauses."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Final

from undeliverable.errors import UndeliverableError
from undeliverable.mailbox._reader import Reader
from undeliverable.mailbox._session import Session
from undeliverable.mailbox._stop import Stop

__all__ = ["read_once", "watch"]

_FIRST: Final = 1.0
_LONGEST: Final = 300.0
"""Seconds before another attempt: at first, and at most."""


def read_once(connect: Callable[[], Session], reader: Reader) -> None:
    """Read all that lies in the mailbox.

    :raises MailboxError: when it cannot be reached or read.
    :raises OSError: when something cannot be written.
    """
    with closing(connect()) as session:
        reader.read_all(session)


def watch(
    connect: Callable[[], Session],
    reader: Reader,
    stop: Stop,
    *,
    begun: Callable[[], None],
    done: Callable[[], None],
    failed: Callable[[Exception, float], None],
) -> None:
    """Read what lies in the mailbox and what arrives there, until it is to stop.

    The first connection must succeed, since what fails there is mostly a typing error. Afterwards every failure is
    temporary: a server that restarts, a network that is away, a full disk.

    :param connect: returns a new connection.
    :param begun: called whenever all that lay in the mailbox has been read.
    :param done: called after each look.
    :param failed: called with each failure and the seconds until the next attempt.
    :raises MailboxError: when the first connection fails; nothing that fails later is raised.
    """
    session: Session | None = connect()
    pause = _FIRST
    while not stop.is_set:
        try:
            with closing(session or connect()) as session:
                reader.read_all(session)
                done()
                begun()
                pause = _FIRST
                _read_on(session, reader, stop, done=done)
        except (UndeliverableError, OSError) as error:
            if stop.is_set:
                return
            failed(error, pause)
            stop.wait(pause)
            pause = min(2 * pause, _LONGEST)
        session = None


def _read_on(session: Session, reader: Reader, stop: Stop, *, done: Callable[[], None]) -> None:
    while not stop.is_set:
        session.wait(stop)
        if not stop.is_set:
            reader.read_new(session)
            done()
