"""A session over imapclient: connect, log in, select; and its errors as the two that a reader knows.

The few places where imapclient leaves a message unseen are closed here: a server may announce new mail with the answer to
any command, or together with the beginning of IDLE, when the octets lie in a buffer and the socket is silent.
"""

from __future__ import annotations

import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Final, TypeAlias, cast

from undeliverable.errors import missing_extra
from undeliverable.mailbox._credentials import Credentials
from undeliverable.mailbox._errors import DroppedError, MailboxError, RefusedError
from undeliverable.mailbox._place import Place
from undeliverable.mailbox._session import Mail
from undeliverable.mailbox._stop import Stop

try:
    from imapclient import IMAPClient
    from imapclient.exceptions import IMAPClientAbortError, IMAPClientError
except ModuleNotFoundError as missing:
    raise missing_extra(missing, "undeliverable.mailbox") from None

__all__ = ["ImapSession", "connect"]

_PATIENCE: Final = 60.0  # seconds for each answer of the server
# RFC 2177 asks for less than 29 minutes; many routers forget a silent connection after ten.
_IDLE: Final = 9 * 60.0
_LOOKS: Final = 10  # searches in a row, while mail keeps arriving


_NONSENSE: Final = (ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError)
"""What imapclient raises for answers that it did not expect."""
_Imap: TypeAlias = Any
"""A client; imapclient has no types."""
_Base: _Imap = IMAPClient


class _Client(_Base):  # type: ignore[misc] # pyright: ignore[reportUntypedBaseClass]
    """imapclient, with the two things that it hides: buffered octets, and new mail announced with another answer."""

    def _poll_socket(self, sock: socket.socket, timeout: float) -> object:  # noqa: ARG002 # a method of imapclient
        """Let `idle_check(0)` read in any case: what arrived with an earlier answer is in a buffer, not in the socket."""
        return [sock]

    _select_poll_socket = _poll_socket

    def has_grown(self) -> bool:
        """Return True if the server has announced messages since this was last called."""
        return bool(self._imap.response("EXISTS")[1] != [None])


def connect(
    place: Place,
    credentials: Credentials,
    *,
    ca_file: str | None = None,
    every: float = 60.0,
) -> ImapSession:
    """Return a session in which the mailbox is selected.

    :param ca_file: certificates (PEM) of the authorities to trust instead of the system's.
    :param every: seconds between two looks where the server has no IDLE.
    :raises MailboxError: when it cannot be reached; the message says why, and what helps.
    """
    secret = credentials.secret(place.user)
    with _explained(place):
        client = _opened(place, _context(ca_file), needs_tls=not place.is_loopback or ca_file is not None)
    try:
        _log_in(client, place, secret, is_token=credentials.is_token)
        session = ImapSession(client, place, every)
    except BaseException:
        with suppress(Exception):
            client.shutdown()
        raise
    return session


def _context(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        raise MailboxError(f"{ca_file}: holds no certificates (PEM)") from None
    except OSError as error:
        raise MailboxError(f"{ca_file}: {error.strerror}") from None


def _opened(place: Place, context: ssl.SSLContext, *, needs_tls: bool) -> _Imap:
    """Return a connection to the server, with TLS unless the mail does not leave this host."""
    is_tls = place.scheme == "imaps"
    client: _Imap = _Client(place.host, place.port, ssl=is_tls, ssl_context=context, timeout=_PATIENCE)
    client.normalise_times = False
    if is_tls or not needs_tls:
        return client
    try:
        _start_tls(client, place, context)
    except BaseException:
        with suppress(Exception):
            client.shutdown()
        raise
    return client


def _start_tls(client: _Imap, place: Place, context: ssl.SSLContext) -> None:
    if not client.has_capability("STARTTLS"):
        raise MailboxError(f"{place.host} offers no STARTTLS, so the password could be read on the way; use imaps://")
    client.starttls(context)


@contextmanager
def _explained(place: Place) -> Generator[None, None, None]:
    """Turn what can go wrong on the way to a server into one line that says what helps."""
    where = f"{place.host}:{place.port}"
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        reason = error.verify_message or str(error)
        raise DroppedError(
            f"{where}: its certificate is not trusted ({reason}); give the authority's certificate with --ca-file, or the"
            " name that the certificate has"
        ) from None
    except ssl.SSLError as error:
        detail = error.reason or str(error)
        raise DroppedError(f"{where}: no TLS ({detail}); port 143 takes imap://, port 993 imaps://") from None
    except socket.gaierror as error:
        raise DroppedError(f"{place.host}: unknown host ({error.strerror})") from None
    except OSError as error:
        raise DroppedError(f"{where}: {error.strerror or error}") from None
    except IMAPClientError as error:
        raise DroppedError(f"{where}: {error}") from None
    except UnicodeError:
        raise DroppedError(f"{where}: its greeting is not that of an IMAP server") from None


def _log_in(client: _Imap, place: Place, secret: str, *, is_token: bool) -> None:
    """Log in; a refusal never repeats the password."""
    try:
        if is_token:
            client.oauth2_login(place.user, secret)
        elif client.has_capability("AUTH=PLAIN"):
            client.plain_login(place.user, secret)  # takes every character of a password, unlike LOGIN
        else:
            client.login(place.user, secret)
    except (IMAPClientError, UnicodeError) as error:
        refusal = RefusedError("", _without(secret, place.user, str(error)))
        what = "token" if is_token else "password"
        kind: type[MailboxError] = DroppedError if refusal.code == "UNAVAILABLE" else MailboxError
        raise kind(f"{place.host} refuses the {what} of {place.user}; the server says: {refusal.reply}") from None
    except OSError as error:
        raise DroppedError(f"{place.host}: the connection has ended: {error}") from None


def _without(secret: str, user: str, text: str) -> str:
    """Return what a server says without the secret, which it may repeat as it got it: in Base64."""
    for sent in (f"\0{user}\0{secret}", f"user={user}\1auth=Bearer {secret}\1\1"):
        text = text.replace(b64encode(sent.encode("utf-8", "surrogateescape")).decode(), "***")
    return text.replace(secret, "***")


class ImapSession:
    """A selected mailbox; see :class:`~undeliverable.mailbox.Session`."""

    def __init__(self, client: _Imap, place: Place, every: float) -> None:
        self._client = client
        self._place = place
        self._every = every
        self._separator: tuple[str, str] | None = None
        try:
            selected = self._ask(f"{place.folder} cannot be opened", client.select_folder, place.folder)
        except RefusedError as error:
            raise MailboxError(f"{place.host}: {error}") from None
        if b"UIDVALIDITY" not in selected:
            raise MailboxError(
                f"{place.host}: {place.folder} has no lasting UIDs (UIDVALIDITY), by which messages are known again"
            )
        self.validity = int(selected[b"UIDVALIDITY"])

    def search(self, first: int) -> list[int]:
        """Return the UIDs of the messages from `first` on, ascending; without those that are marked as deleted."""
        found: list[int] = []
        for _ in range(_LOOKS):
            self._client.has_grown()
            criteria = ["UNDELETED", "UID", f"{first}:*"]
            found = cast("list[int]", self._ask("messages cannot be searched", self._client.search, criteria))
            if not self._client.has_grown():
                break
        return sorted(uid for uid in found if uid >= first)  # `*` is the last message, even if it is older

    def sizes(self, uids: Sequence[int]) -> Mapping[int, int]:
        """Return the sizes of messages; those that have left the mailbox are missing."""
        found = self._ask("sizes cannot be read", self._client.fetch, uids, ["RFC822.SIZE"])
        asked = frozenset(uids)
        return {uid: _size_of(data, 0) for uid, data in found.items() if uid in asked and b"RFC822.SIZE" in data}

    def fetch(self, uids: Sequence[int], most: int) -> Sequence[Mail]:
        """Return messages without marking them as seen, of each not more than `most` octets."""
        wanted = ["RFC822.SIZE", "INTERNALDATE", f"BODY.PEEK[]<0.{most}>"]
        found = self._ask("messages cannot be read", self._client.fetch, uids, wanted)
        asked = frozenset(uids)
        with self._failing("messages cannot be read"):
            return [
                self._mail(uid, data, most)
                for uid, data in sorted(found.items())
                if uid in asked and b"BODY[]<0>" in data
            ]

    def _mail(self, uid: int, data: Mapping[bytes, object], most: int) -> Mail:
        """Return a message; raise ValueError where the server gave something else."""
        raw, received = data[b"BODY[]<0>"] or b"", data.get(b"INTERNALDATE")
        if not isinstance(raw, bytes):
            raise ValueError("a message that is no text")  # noqa: TRY004 # the server's fault, no argument's
        # Without it nobody knows whether a bounce says how an address is, or how it was years ago.
        if not isinstance(received, datetime) or received.utcoffset() is None:
            raise ValueError("no date at which it was received")
        return Mail(uid, raw[:most], _size_of(data, len(raw)), received, self._place.source(self.validity, uid))

    def move(self, uids: Sequence[int], folder: str) -> None:
        """Move messages into a folder, which is made if it is missing; its levels are separated by slashes."""
        name = self._named(folder)
        try:
            self._move(uids, name)
        except RefusedError as error:
            if error.code != "TRYCREATE":
                raise
            self._ask(f"the folder {name} cannot be made", self._client.create_folder, name)
            with suppress(RefusedError):  # a folder that is not subscribed is there all the same
                self._ask("", self._client.subscribe_folder, name)
            self._move(uids, name)

    def wait(self, stop: Stop) -> None:
        """Return when there may be new messages, after some time in any case, or when it is to stop."""
        if self._client.has_capability("IDLE"):
            with self._failing("IDLE is refused"):
                self._idle(stop)
        else:
            stop.wait(self._every)

    def close(self) -> None:
        """End the connection; never raises."""
        with suppress(Exception):
            self._client.socket().settimeout(5.0)
            self._client.logout()
            return
        with suppress(Exception):
            self._client.shutdown()

    def _idle(self, stop: Stop) -> None:
        client = self._client
        until = time.monotonic() + _IDLE
        client.idle()
        while not stop.is_set and not _announces(client.idle_check(timeout=0)):
            ready = stop.wait(until - time.monotonic(), client.socket())
            if not ready:
                break
            responses = client.idle_check(timeout=0)
            if _announces(responses) or not responses:
                break  # without a response, the connection has ended: the next command says so
        client.idle_done()

    def _move(self, uids: Sequence[int], name: str) -> None:
        client = self._client
        what = f"messages cannot be moved to {name}"
        if client.has_capability("MOVE"):
            self._ask(what, client.move, uids, name)
            return
        self._ask(what, client.copy, uids, name)
        self._ask(what, client.delete_messages, uids, silent=True)
        if client.has_capability("UIDPLUS"):
            self._ask(what, client.uid_expunge, uids)
        # Otherwise they stay, marked as deleted: EXPUNGE would remove what somebody else has marked.

    def _named(self, folder: str) -> str:
        """Return the name of a folder as the server wants it: its own separator, below the user's own prefix."""
        if self._separator is None:
            self._separator = self._conventions()
        prefix, separator = self._separator
        name = folder.replace("/", separator) if separator else folder
        return name if name.startswith(prefix) else prefix + name

    def _conventions(self) -> tuple[str, str]:
        with self._failing("folders cannot be listed"):
            return self._asked_conventions()

    def _asked_conventions(self) -> tuple[str, str]:
        if self._client.has_capability("NAMESPACE"):
            spaces: Any = self._ask("namespaces cannot be read", self._client.namespace)
            if spaces.personal:
                prefix, separator = spaces.personal[0]
                return str(prefix or ""), str(separator or "")
        for _, separator, _ in self._ask("folders cannot be listed", self._client.list_folders, "", ""):
            return "", bytes(separator or b"").decode("ascii", "replace")
        return "", "/"

    def _ask(self, what: str, call: Callable[..., Any], *arguments: object, **options: object) -> Any:  # noqa: ANN401
        with self._failing(what):
            return call(*arguments, **options)

    @contextmanager
    def _failing(self, what: str) -> Generator[None, None, None]:
        """Turn errors of imapclient into the two kinds of a session."""
        where = self._place.host
        try:
            yield
        except (IMAPClientAbortError, OSError) as error:
            raise DroppedError(f"{where}: the connection has ended: {error}") from None
        except (MemoryError, OverflowError):
            raise DroppedError(
                f"{where}: the connection is given up: it announced more octets than memory has"
            ) from None
        except (IMAPClientError, *_NONSENSE) as error:
            # An answer that arrived but makes no sense is about one message, mostly: the others can be read.
            raise RefusedError(what, str(error)) from None


def _size_of(data: Mapping[bytes, object], other: int) -> int:
    """Return the size that the server says, `other` if that is no size."""
    size = data.get(b"RFC822.SIZE")
    return size if isinstance(size, int) else other


def _announces(responses: Sequence[Any]) -> bool:
    return any(len(one) > 1 and one[1] == b"EXISTS" for one in responses)
