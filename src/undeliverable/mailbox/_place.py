"""Where a mailbox is: an IMAP URL (RFC 5092) without a password, which every user of the host could see in it."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import quote, unquote, urlsplit

__all__ = ["Place"]

_PORTS: Final = {"imaps": 993, "imap": 143}
_FORM: Final = "imaps://USER@HOST/FOLDER"
# They would end a command of IMAP and begin another one.
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")


class Place(NamedTuple):
    """One folder of one account.

    :ivar scheme: ``imaps`` for TLS from the beginning, ``imap`` for STARTTLS.
    :ivar user: the name to log in with.
    :ivar host: the server's name or address.
    :ivar port: 993 or 143 by default, by the scheme.
    :ivar folder: its levels as the server separates them.
    """

    scheme: str
    user: str
    host: str
    port: int
    folder: str

    @classmethod
    def of(cls, text: str) -> Place:
        """Return the place that a URL names; the folder is INBOX unless it names one.

        :raises ValueError: when it is not such a URL, or holds a password.
        """
        try:
            url = urlsplit(text)
            port = url.port
        except ValueError as error:
            raise ValueError(f"{text!r}: {error}; expected {_FORM}") from None
        if url.scheme not in _PORTS or not url.hostname or not url.username or url.query or url.fragment:
            raise ValueError(f"{text!r} is not {_FORM}")
        if url.password is not None:
            raise ValueError("a password in the URL can be seen by every user of this host; use --password-file")
        user, folder = unquote(url.username), unquote(url.path.removeprefix("/")) or "INBOX"
        if _CONTROLS.search(user + folder):
            raise ValueError(f"{text!r} holds control characters")
        return cls(url.scheme, user, url.hostname, port or _PORTS[url.scheme], folder)

    @property
    def url(self) -> str:
        """The URL in one spelling, whatever was typed."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{quote(self.user, safe='@+')}@{host}{port}/{quote(self.folder, safe='/')}"

    @property
    def account(self) -> str:
        """What identifies the mailbox, however it is connected to: a change of port or scheme is no other mailbox."""
        return f"{self.user}@{self.host}/{self.folder}"

    @property
    def is_loopback(self) -> bool:
        """True if what is sent there leaves this host on no wire."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    def source(self, validity: int, uid: int) -> str:
        """Return the URL of one message, which never comes to name another one."""
        return f"{self.url};UIDVALIDITY={validity}/;UID={uid}"
