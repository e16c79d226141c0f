"""Passwords and tokens: from a file, a keyring or a command, asked for at each connection, and never on a command line.

A file may be replaced and a token expires while a reader runs, so nothing is kept.
"""

from __future__ import annotations

import shlex
import subprocess
from typing import Final, NamedTuple

from undeliverable.errors import missing_extra
from undeliverable.mailbox._errors import MailboxError
from undeliverable.verp import read_private

__all__ = ["Credentials"]

_PATIENCE: Final = 60  # seconds that a command may take


class Credentials(NamedTuple):
    """Where the password or token of an account comes from.

    :ivar way: one of ``file``, ``keyring``, ``command`` and ``token``; the last one is a command for an OAuth 2 token.
    :ivar what: the file, the name of the service in the keyring, or the command line, which no shell sees.
    """

    way: str
    what: str

    @property
    def is_token(self) -> bool:
        """True for an OAuth 2 access token, False for a password."""
        return self.way == "token"

    def secret(self, user: str) -> str:
        """Return the password or token.

        :raises MailboxError: when there is none; the message never shows one.
        """
        found = _WAYS[self.way](self.what, user)
        line = found.partition("\n")[0].removesuffix("\r")
        if not line:
            raise MailboxError(f"{self.what}: there is no {'token' if self.is_token else 'password'} in its first line")
        return line


def _from_file(path: str, _: str) -> str:
    try:
        return read_private(path).decode()
    except OSError as error:
        raise MailboxError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise MailboxError(f"{path}: not UTF-8") from None


def _from_command(command: str, _: str) -> str:
    """Return what a command prints. Errors name the program alone: its arguments may be secrets."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise MailboxError(f"the command cannot be run: {error}") from None
    if not words:
        raise MailboxError("the command cannot be run: it is empty")
    try:
        done = subprocess.run(  # noqa: S603 # the administrator's own
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=_PATIENCE, check=False
        )
        text = done.stdout.decode()
    except OSError as error:
        raise MailboxError(f"{words[0]}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise MailboxError(f"{words[0]}: not done after {_PATIENCE} s") from None
    except UnicodeDecodeError:
        raise MailboxError(f"{words[0]}: its output is not UTF-8") from None
    if done.returncode:
        raise MailboxError(f"{words[0]}: ended with status {done.returncode}")
    return text


def _from_keyring(service: str, user: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ModuleNotFoundError as error:
        raise missing_extra(error, "undeliverable.mailbox (keyring)") from None
    try:
        found: str | None = keyring.get_password(service, user)
    except KeyringError as error:
        raise MailboxError(f"the keyring cannot be read: {error}") from None
    if found is None:
        raise MailboxError(f"the keyring has no password; run: keyring set {service} {user}")
    return found


_WAYS: Final = {"file": _from_file, "keyring": _from_keyring, "command": _from_command, "token": _from_command}
