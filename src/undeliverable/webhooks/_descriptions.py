"""Compiles the descriptions of services: TOML, or a table of it, to a :class:`Service`.

Whatever is wrong is one KnowledgeError that names the file, the key, its place and the valid values. The examples of a
description are read when a user's file is loaded, so that a description which reads nothing is noticed at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from os import PathLike, fspath
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Final

from undeliverable._knowledge.paths import read_path
from undeliverable._knowledge.toml import TomlSource
from undeliverable.errors import EntryError
from undeliverable.errors._tables import as_list, as_table, refuse_unknown, unknown
from undeliverable.reasons import BounceType, Reason
from undeliverable.verdict import Kind
from undeliverable.webhooks._described import EVENT_KEYS, Described
from undeliverable.webhooks._examples import differences
from undeliverable.webhooks._paths import Path, path_of
from undeliverable.webhooks._service import CLASS_WORDS, EVENT_WORDS, Meaning, Scheme, Service

__all__ = ["compile_service", "load_service"]

_KEYS: Final = frozenset(
    (
        "title",
        "source",
        "seen",
        "method",
        "signature",
        "expected",
        "marks",
        "body",
        "default",
        "event",
        "events",
        "classes",
        "example",
    )
)
_MEANING_KEYS: Final = frozenset(("is", "kind", "bounce_type", "temporary", "reason", "expired", "remark"))
_SIGNATURE_KEYS: Final = frozenset(("says", "scheme", "header", "encoding", "prefix", "signed", "timestamp", "minutes"))
_SCHEMES: Final = frozenset(("hmac-sha1", "hmac-sha256", "hmac-sha512", "standard-webhooks"))
_METHODS: Final = ("POST", "GET")
_ENCODINGS: Final = frozenset(("hex", "base64"))
_VALUES: Final[Mapping[str, Mapping[str, object]]] = {
    "kind": {str(kind): kind for kind in Kind},
    "bounce_type": {str(one): one for one in BounceType},
    "reason": {str(reason): reason for reason in Reason},
}
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NO_SIGNATURE: Final = "none is described"


def load_service(path: str | PathLike[str]) -> Service:
    """Return the service that a TOML file describes; its name is the file's, without the ending.

    :raises KnowledgeError: for the first error in the file, or if one of its examples says something else.
    """
    source = read_path(fspath(path))
    name = FilePath(path).stem
    document = source.parse()
    try:
        service = compile_service(name, document)
    except EntryError as error:
        source.fail(error, "service", 0, name)
    _check_examples(service, source)
    return service


def compile_service(name: str, document: Mapping[str, object]) -> Service:
    """Return the service `name` that `document` describes.

    :raises EntryError: for the first error in it.
    """
    table = _Table(name, document)
    refuse_unknown(document, _KEYS, entry=name)
    if not _NAME.fullmatch(name):
        raise table.fault("", "the file's name, which is the service's, must be lower-case letters, digits and _")
    parts = table.parts()
    events = table.meanings("events", EVENT_WORDS)
    if not events:
        raise table.fault("events", "names no event")
    marks = table.texts("marks") or table.default_marks(parts)
    scheme, says = table.signature()
    described = Described(
        name=name,
        expected=table.text("expected") or f"an object with {' or '.join(marks)}",
        marks=marks,
        events=table.body(),
        parts=parts,
        default=table.text("default"),
    )
    return Service(
        name=name,
        title=table.text("title") or name,
        source=table.text("source") or "",
        seen=table.text("seen") or "",
        signature=says,
        scheme=scheme,
        method=table.one_of("method", table.text("method") or _METHODS[0], _METHODS),
        events=events,
        classes=table.meanings("classes", CLASS_WORDS),
        read=described.read,
        examples=table.examples(),
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """Reads a description; errors name the key."""

    name: str
    document: Mapping[str, object]

    def fault(self, key: str, detail: str) -> EntryError:
        return EntryError(detail, entry=self.name, key=key or None)

    def text(self, key: str) -> str | None:
        return self.text_of(key, self.document.get(key))

    def text_of(self, key: str, value: object) -> str | None:
        if value is not None and not isinstance(value, str):
            raise self.fault(key, "must be a string")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        return self.texts_of(key, self.document.get(key, ()))

    def texts_of(self, key: str, value: object) -> tuple[str, ...]:
        items = (value,) if isinstance(value, str) else as_list(value)
        if items is None or not all(isinstance(item, str) for item in items):
            raise self.fault(key, "must be a string or a list of strings")
        return tuple(map(str, items))

    def table(self, key: str) -> Mapping[str, object]:
        value = as_table(self.document.get(key, {}))
        if value is None:
            raise self.fault(key, "must be a table")
        return value

    def path(self, key: str, text: str) -> Path:
        try:
            return path_of(text)
        except ValueError as error:
            raise self.fault(key, str(error)) from None

    def body(self) -> tuple[Path, ...]:
        return tuple(self.path("body", text) for text in self.texts("body"))

    def parts(self) -> Mapping[str, tuple[Path, ...]]:
        found = self.table("event")
        refuse_unknown(found, EVENT_KEYS, "event.", entry=self.name)
        if "recipient" not in found:
            raise self.fault("event.recipient", "is missing: it names where the recipient's address is")
        if "type" not in found and "default" not in self.document:
            raise self.fault("event.type", "is missing: it names where the event's type is")
        keys = {key: self.texts_of(f"event.{key}", value) for key, value in found.items()}
        return {key: tuple(self.path(f"event.{key}", text) for text in texts) for key, texts in keys.items()}

    def default_marks(self, parts: Mapping[str, tuple[Path, ...]]) -> tuple[str, ...]:
        """Return the first fields of the path of the events, else of those of an event's type and recipient."""
        paths = self.body() or [*parts.get("type", ()), *parts["recipient"]]
        return tuple(dict.fromkeys(path.steps[0].name for path in paths if path.steps))

    def meanings(self, key: str, words: Mapping[str, Meaning]) -> Mapping[str, Meaning]:
        return {word: self.meaning(f"{key}.{word}", value, words) for word, value in self.table(key).items()}

    def meaning(self, key: str, value: object, words: Mapping[str, Meaning]) -> Meaning:
        table = {"is": value} if isinstance(value, str) else as_table(value)
        if table is None:
            raise self.fault(key, "must be a word, or a table with a word in `is`")
        refuse_unknown(table, _MEANING_KEYS, f"{key}.", entry=self.name)
        found = words[self.one_of(key, str(table["is"]), words)] if "is" in table else Meaning()
        changes: dict[str, object] = {
            name: values[self.one_of(f"{key}.{name}", str(table[name]), values)]
            for name, values in _VALUES.items()
            if name in table
        }
        for name in ("temporary", "expired"):
            if name in table:
                changes[name] = self.flag(f"{key}.{name}", table[name])
        remark = self.text_of(f"{key}.remark", table.get("remark"))
        return found._replace(**changes) if remark is None else found._replace(remark=remark, **changes)  # type: ignore[arg-type] # each of its type

    def one_of(self, key: str, word: str, words: Iterable[str]) -> str:
        if word not in words:
            raise self.fault(key, unknown("word", word, words))
        return word

    def flag(self, key: str, value: object) -> bool:
        if not isinstance(value, bool):
            raise self.fault(key, "must be true or false")
        return value

    def signature(self) -> tuple[Scheme | None, str]:
        if isinstance(self.document.get("signature"), str):
            return None, str(self.document["signature"])
        found = self.table("signature")
        refuse_unknown(found, _SIGNATURE_KEYS, "signature.", entry=self.name)
        if "scheme" not in found:
            return None, self.text_of("signature.says", found.get("says")) or _NO_SIGNATURE
        texts = {key: self.text_of(f"signature.{key}", found.get(key)) for key in found if key != "minutes"}
        scheme = self.one_of("signature.scheme", texts["scheme"] or "", _SCHEMES)
        minutes = found.get("minutes", 5)
        if not isinstance(minutes, int) or isinstance(minutes, bool) or minutes < 1:
            raise self.fault("signature.minutes", "must be a whole number from 1")
        header = texts.get("header")
        if scheme != "standard-webhooks" and not header:
            raise self.fault("signature.header", "is missing: it names the header of the signature")
        return Scheme(
            scheme=scheme,
            header=(header or "").lower(),
            encoding=self.one_of("signature.encoding", texts.get("encoding") or "hex", _ENCODINGS),
            prefix=texts.get("prefix") or "",
            signed=texts.get("signed") or "{body}",
            timestamp=(texts.get("timestamp") or "").lower(),
            window=timedelta(minutes=minutes),
        ), texts.get("says") or f"{scheme} in the header {header or 'webhook-signature'}"

    def examples(self) -> tuple[Mapping[str, object], ...]:
        items = as_list(self.document.get("example", ()))
        found = [] if items is None else [table for item in items if (table := as_table(item)) is not None]
        if items is None or len(found) < len(items) or any("body" not in one for one in found):
            raise self.fault("example", "must be tables, each with a body")
        return tuple(MappingProxyType(dict(one)) for one in found)


def _check_examples(service: Service, source: TomlSource) -> None:
    """Read every example of `service`.

    :raises KnowledgeError: for the first one that says something else than it is expected to.
    """
    for number, example in enumerate(service.examples):
        for difference in differences(service, example):
            source.fail(EntryError(difference, entry=f"example {number + 1}", key="expect"), "example", number)
