"""The tokens of the HTTP API (RFC 6750): who may do what.

A token is known by its SHA-256 digest alone, and compared with all others in constant time, so that neither its content
nor its place in the file can be learned from how long the answer takes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, cast

from undeliverable import KnowledgeError

__all__ = ["SCOPES", "TABLE", "Token", "Tokens", "tokens_in"]

TABLE: Final = "api"
"""The table of the file of secrets that holds the tokens; no service is called so."""
SCOPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "parse": "POST /v1/parse, which also records what it parses",
        "classify": "POST /v1/classify",
        "suppressions:read": "check addresses, and read the list",
        "suppressions:write": "suppress and reactivate addresses by hand",
        "metrics": "GET /metrics",
    }
)
"""What a token can be allowed."""
_SHORTEST: Final = 20
_KEYS: Final = ("token", "sha256", "scopes")
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_PLACEHOLDER: Final = "replace-me"  # how the tokens of the documentation's example begin, which everybody knows
_UNCHANGED: Final = "is the placeholder of the example, which everybody knows; make a token with: openssl rand -hex 24"
_HINT: Final = f"must have at least {_SHORTEST} characters; make one with: openssl rand -hex 24"


class Token(NamedTuple):
    """One client of the API.

    :ivar name: its name in the file of secrets; who it is in the history of an address.
    :ivar digests: the SHA-256 digests of its tokens; several while they are changed.
    :ivar scopes: what it may do.
    """

    name: str
    digests: tuple[bytes, ...]
    scopes: frozenset[str]


class Tokens(NamedTuple):
    """All clients.

    :ivar known: each of them.
    """

    known: tuple[Token, ...] = ()

    def find(self, presented: bytes) -> Token | None:
        """Return the client that has this token, or None."""
        digest = hashlib.sha256(presented).digest()
        found: Token | None = None
        for token in self.known:
            for one in token.digests:
                if hmac.compare_digest(one, digest):
                    found = token  # and go on: the time must not say which one it was
        return found


def tokens_in(file: str, document: Mapping[str, object]) -> Tokens:
    """Return the tokens in a file of secrets; none if it has no table ``[api.NAME]``.

    :param file: the path of the file, for errors.
    :param document: its content.
    :raises KnowledgeError: when a table is not like this; it never shows a secret.
    """
    table = document.get(TABLE, {})
    if not isinstance(table, dict):
        raise KnowledgeError(file, "must hold a table for each client: [api.NAME]", entry=TABLE)
    clients = cast("dict[str, object]", table)
    tokens = Tokens(tuple(_token(file, name, value) for name, value in clients.items()))
    digests = [digest for token in tokens.known for digest in token.digests]
    if len(set(digests)) < len(digests):
        raise KnowledgeError(file, "two clients have the same token", entry=TABLE)
    return tokens


def _token(file: str, name: str, table: object) -> Token:
    entry = f"{TABLE}.{name}"
    if not isinstance(table, dict):
        raise KnowledgeError(file, "must be a table", entry=entry)
    found = cast("dict[str, object]", table)
    for key in found:
        if key not in _KEYS:
            raise KnowledgeError(file, f"unknown key; expected one of {', '.join(_KEYS)}", entry=entry, key=key)
    scopes = frozenset(_texts(file, entry, "scopes", found.get("scopes")))
    for scope in sorted(scopes - SCOPES.keys()):
        detail = f"unknown scope {scope!r}; expected one of {', '.join(SCOPES)}"
        raise KnowledgeError(file, detail, entry=entry, key="scopes")
    return Token(name, tuple(_digests(file, entry, found)), scopes)


def _digests(file: str, entry: str, table: Mapping[str, object]) -> Iterable[bytes]:
    if ("token" in table) is ("sha256" in table):
        raise KnowledgeError(file, "needs either token or sha256", entry=entry)
    if "token" in table:
        for text in _texts(file, entry, "token", table["token"]):
            if len(text) < _SHORTEST or not text.isascii() or not text.isprintable() or " " in text:
                raise KnowledgeError(file, _HINT, entry=entry, key="token")
            if text.lower().startswith(_PLACEHOLDER):
                raise KnowledgeError(file, _UNCHANGED, entry=entry, key="token")
            yield hashlib.sha256(text.encode()).digest()
        return
    for text in _texts(file, entry, "sha256", table["sha256"]):
        if not _SHA256.fullmatch(text):
            raise KnowledgeError(file, "must be 64 hexadecimal digits", entry=entry, key="sha256")
        yield bytes.fromhex(text)


def _texts(file: str, entry: str, key: str, value: object) -> list[str]:
    items = cast("list[object]", value if isinstance(value, list) else [value])
    found = [item for item in items if isinstance(item, str) and item]
    if not found or len(found) < len(items):
        raise KnowledgeError(file, "must be a non-empty string or a list of them", entry=entry, key=key)
    return found
