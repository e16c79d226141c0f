"""What `undeliverable serve` says when it starts: one line for each place where it listens."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

from undeliverable.cli._command import RunError
from undeliverable.cli._failures import failure
from undeliverable.cli._lists import place_of
from undeliverable.cli._neutral import neutral

if TYPE_CHECKING:
    from undeliverable.cli._serve_web import Shared

__all__ = ["Listener", "Listening", "records_of", "verbose"]


class Listening(Protocol):
    """A server that listens at one place."""

    @property
    def port(self) -> int | str:
        """The port or the socket file where it listens."""
        ...

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class Listener(NamedTuple):
    """A server with what is to be said of it.

    :ivar server: the server.
    :ivar host: where it listens, None for a socket file.
    :ivar about: its protocol, and what it does.
    """

    server: Listening
    host: str | None
    about: str

    @property
    def place(self) -> str:
        """The address, or the socket file."""
        if self.host is None:
            return str(self.server.port)
        return f"[{self.host}]:{self.server.port}" if ":" in self.host else f"{self.host}:{self.server.port}"

    async def start(self) -> str:
        """Start to listen, and return the line that says so.

        :raises RunError: when the place cannot be used; the message names it, and says what to do.
        """
        try:
            await self.server.start()
        except OSError as error:
            raise RunError(self._failure(error)) from None
        return neutral(f"listening on {self.place}, {self.about}")

    def _failure(self, error: OSError) -> str:
        if error.errno is None:
            return str(error)  # our own words
        if error.errno <= 0:  # of a look-up of the host's name
            return f"{self.place}: {error.strerror}"
        # What asyncio says of it repeats the number and the address.
        return failure(OSError(error.errno, os.strerror(error.errno), self.place))


def records_of(options: Namespace, shared: Shared) -> str:
    """Return where a server records, by what bounces are proved, and by which keys; never a key itself."""
    parts: list[str] = []
    if options.to is not None:
        parts.append(f"records to {options.to}")
    if shared.known is not None:
        parts.append(f"list {place_of(shared.known)} (proof {shared.known.require_proof})")
    signer = None if shared.prover is None else shared.prover.signer
    if signer is not None:
        parts.append(_named("key", signer.key_ids))
    return "".join(f"; {part}" for part in parts)


def _named(word: str, names: Iterable[str]) -> str:
    found = list(names)
    return f"{word}{'' if len(found) == 1 else 's'} {', '.join(found)}"


@contextmanager
def verbose(*, is_wanted: bool) -> Generator[None, None, None]:
    """Print a line for each message, if it is wanted."""
    if not is_wanted:
        yield
        return
    import logging

    log, handler = logging.getLogger("undeliverable.serve"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("undeliverable: %(message)s"))
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(before)
        log.removeHandler(handler)
