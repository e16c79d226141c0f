"""The file of secrets (TOML): a table for each service whose webhooks are accepted, and one for each client of the API."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from undeliverable import KnowledgeError
from undeliverable.serve._receiver import Endpoint
from undeliverable.serve._tokens import TABLE, Tokens, tokens_in
from undeliverable.verp import read_private
from undeliverable.webhook_auth import Basic, HeaderSecret, Secret, Sns, UrlSecret
from undeliverable.webhooks import Service, names

__all__ = ["Secrets", "read_all_secrets", "read_secrets", "read_tokens"]

_KEYS: Final = frozenset(
    ("key", "username", "password", "path", "header", "secret", "url", "topics", "certificates", "allow_sha1")
)
_ARN: Final = re.compile(r"arn:(aws[a-z-]{0,20}):sns:([a-z0-9-]{1,40}):\d{12}:[\w.-]{1,256}")


class Secrets(NamedTuple):
    """What a file of secrets holds.

    :ivar endpoints: the services whose webhooks are accepted, by name.
    :ivar tokens: the clients of the API.
    """

    endpoints: Mapping[str, Endpoint]
    tokens: Tokens


def read_all_secrets(path: str | os.PathLike[str], services: Iterable[Service] = ()) -> Secrets:
    """Return the endpoints of :func:`read_secrets`, and the tokens of the API: tables ``[api.NAME]``.

    :raises KnowledgeError: as there.
    """
    shown, document = os.fspath(path), _document(path)
    return Secrets(_endpoints(shown, document, services), tokens_in(shown, document))


def read_tokens(path: str | os.PathLike[str]) -> Tokens:
    """Return the tokens of the API alone.

    :raises KnowledgeError: as :func:`read_secrets`.
    """
    return tokens_in(os.fspath(path), _document(path))


def read_secrets(path: str | os.PathLike[str], services: Iterable[Service] = ()) -> dict[str, Endpoint]:
    """Return the endpoints in a file of secrets.

    Each table has the name of a service and one way to authenticate its requests: ``key`` (a string, or a list while
    keys are rotated), ``username`` and ``password``, ``path`` (a secret in the URL), ``header`` and ``secret``, or for
    Amazon ``topics`` and ``certificates`` (a folder of PEM files, named as in their URL). ``url`` is the URL as
    configured at the service.

    :param services: services that the library does not know; each must have a table.
    :raises KnowledgeError: when the file cannot be read, others can read it, or it has other contents; it never shows a
        secret.
    """
    return _endpoints(os.fspath(path), _document(path), services)


def _document(path: str | os.PathLike[str]) -> dict[str, Any]:
    import tomllib

    shown = os.fspath(path)
    try:
        return tomllib.loads(read_private(path).decode())
    except OSError as error:
        raise KnowledgeError(shown, f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        where = re.search(r"\(at [^)]{1,60}\)", str(error))
        raise KnowledgeError(shown, f"not TOML {where[0] if where else ''}".rstrip()) from None


def _endpoints(shown: str, document: Mapping[str, object], services: Iterable[Service]) -> dict[str, Endpoint]:
    own = {service.name: service for service in services}
    for name in sorted(own.keys() - document.keys()):
        raise KnowledgeError(shown, "is missing: how the requests of this service are authenticated", entry=name)
    return {name: _endpoint(shown, name, table, own) for name, table in document.items() if name != TABLE}


def _endpoint(file: str, name: str, table: object, own: Mapping[str, Service]) -> Endpoint:
    known = sorted({*names(), *own})
    if name not in known:
        raise KnowledgeError(file, f"unknown service; expected one of {', '.join(known)}", entry=name)
    if not isinstance(table, dict):
        raise KnowledgeError(file, "must be a table", entry=name)
    found = cast("dict[str, object]", table)
    for key in found:
        if key not in _KEYS:
            detail = f"unknown key; expected one of {', '.join(sorted(_KEYS))}"
            raise KnowledgeError(file, detail, entry=name, key=key)
    url = found.get("url")
    if url is not None and not isinstance(url, str):
        raise KnowledgeError(file, "must be a string", entry=name, key="url")
    return Endpoint(_secret(file, name, found), url, own.get(name))


def _secret(file: str, name: str, table: Mapping[str, object]) -> Secret | list[Secret]:
    if "topics" in table:
        return _sns(file, name, table)
    if "key" in table:
        return _texts(file, name, "key", table["key"])
    if "path" in table:
        return UrlSecret(_text(file, name, "path", table))
    if "username" in table:
        return Basic(_text(file, name, "username", table), _text(file, name, "password", table))
    if "header" in table:
        return HeaderSecret(_text(file, name, "header", table), _text(file, name, "secret", table))
    raise KnowledgeError(file, "needs key, path, topics, username and password, or header and secret", entry=name)


def _sns(file: str, name: str, table: Mapping[str, object]) -> Sns:
    topics = frozenset(str(topic) for topic in _texts(file, name, "topics", table["topics"]))
    places: set[str] = set()
    for topic in topics:
        match = _ARN.fullmatch(topic)
        if match is None:
            raise KnowledgeError(file, "must be ARNs of SNS topics", entry=name, key="topics")
        places.add(f"https://sns.{match[2]}.amazonaws.com{'.cn' if match[1] == 'aws-cn' else ''}")
    folder = Path(file).parent / _text(file, name, "certificates", table)
    try:
        certificates = {
            f"{place}/{found.name}": found.read_bytes() for found in folder.glob("*.pem") for place in places
        }
    except OSError as error:
        raise KnowledgeError(file, f"cannot be read: {error.strerror}", entry=name, key="certificates") from None
    return Sns(topics, certificates, allow_sha1=table.get("allow_sha1") is True)


def _texts(file: str, name: str, key: str, value: object) -> list[Secret]:
    items = cast("Iterable[object]", value if isinstance(value, list) else [value])
    found: list[Secret] = [item for item in items if isinstance(item, str) and item]
    if not found or len(found) != len(list(items)):
        raise KnowledgeError(file, "must be a non-empty string or a list of them", entry=name, key=key)
    return found


def _text(file: str, name: str, key: str, table: Mapping[str, object]) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise KnowledgeError(file, "must be a non-empty string", entry=name, key=key)
    return value
