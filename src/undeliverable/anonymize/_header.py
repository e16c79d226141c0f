"""Rewrite header fields, each as its name demands: addresses with their owners' names, traces, ids, somebody's words.

A field that no table names is treated as somebody's words: what rules look for stays, the rest is masked.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from typing import Final

from undeliverable._mime.headers import decode_words
from undeliverable.anonymize._pseudonyms import ATOM, IPV4
from undeliverable.anonymize._text import Mode, Text, around
from undeliverable.anonymize._vocabulary import fields

__all__ = ["FIELD", "NEWLINE", "Header"]

NEWLINE: Final = re.compile(r"(\r*\n|\r+)")
FIELD: Final = re.compile(r"(?P<lead>[>| \t]*)(?P<name>[!-9;-~]{1,76})(?P<colon>[ \t]*:)(?P<value>.*)\Z", re.DOTALL)
# Neighbouring encoded words are one text (RFC 2047 6.2).
_WORDS: Final = re.compile(r"=\?[^?\s]{1,60}\?[BbQq]\?[^?\r\n]*\?=(?:\s{1,8}=\?[^?\s]{1,60}\?[BbQq]\?[^?\r\n]*\?=)*")
_LONGEST: Final = 42  # octets in an encoded word of at most 75 characters, in base64
# RFC 5321 4.4: the hosts that it passed, and its ids there.
_TRACE: Final = re.compile(
    r"(?P<before>\b(?:from|by|helo|ehlo|id)(?:[ \t\r\n]{1,10}|=))(?P<value>[^\s;()\[\]<>]{1,255})", re.IGNORECASE
)
_ADDRESS: Final = re.compile(
    r"\"(?:[^\"\\\n]|\\.){1,64}\"@[^\s<>,;]{1,255}|<[^<>]*>|\([^()]*\)|[^\s<>()\",;]*@[^\s<>()\",;]*|[,;]"
)
_UNQUOTED: Final = re.compile(r"[^\s<>(),;:@\"][^<>(),;:@\"\r\n]*[ ][^<>(),;:@\"\r\n]*@[^\s<>(),;:@\"]+")
_TYPED: Final = re.compile(r"(?P<type>\s*[A-Za-z][\w.-]{0,30}\s*;\s*)?(?P<value>.*)", re.DOTALL)
# A parameter that holds the name of a file, also in the pieces of RFC 2231, and the one that names the boundary.
_PARAMETER: Final = re.compile(
    r"(?P<before>\b(?:(?:file)?name(?:\*\d{0,2}\*?)?|boundary)\s*=\s*)(?P<value>\"[^\"]*\"?|[^\s;]+)", re.IGNORECASE
)
_EXTENSION: Final = re.compile(r"\.[A-Za-z0-9]{1,5}\Z")
_SIGNATURE: Final = re.compile(r"(?P<before>\b(?:bh?|z|keydata)=)(?P<value>[^;]+)")


class Header:
    """Rewrite the fields of a message, and of reports in it."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._treatments: Mapping[str, Callable[[str], str]] = {
            "names": self._names,
            "recipients": self._recipient,
            "hosts": self._host,
            "words": self._subject,
            "ids": self._ids,
            "signatures": self._signature,
            "kept": str,
            "prose": text.rewrite,
        }
        self._of_name: Mapping[str, Callable[[str], str]] = {
            "received": self._trace,
            "x-received": self._trace,
            "content-type": self._parameters,
            "content-disposition": self._parameters,
            "authentication-results": self._trace,
            "received-spf": self._trace,
            "message-id": self._message_id,
            "in-reply-to": self._message_id,
            "references": self._message_id,
        }

    def field(self, raw: str) -> str:
        """Return a whole field, or a line that is none, rewritten."""
        match = FIELD.match(raw)
        if match is None:
            return self._text.rewrite(raw)
        lead, name, colon, value = match.group("lead", "name", "colon", "value")
        return f"{lead}{name}{colon}{self.value(name, value)}"

    def value(self, name: str, value: str) -> str:
        """Return the rewritten value of the field `name`."""
        folded = name.lower()
        treat = self._of_name.get(folded) or self._treatments.get(fields().get(folded, "words"), str)
        if "=?" in value:
            return around(_WORDS, value, lambda words: self._encoded(folded, words), treat)
        return treat(value)

    def _encoded(self, name: str, words: str) -> str:
        """Return encoded words with their text rewritten, in UTF-8 and folded."""
        plain = decode_words(" ".join(words.split()))
        treatment = fields().get(name, "words")
        made = self._text.name(plain) if treatment == "names" and "@" not in plain else self.value(name, plain)
        pieces, piece = list[str](), ""
        for sign in made.encode("utf-8", "replace").decode():
            if len((piece + sign).encode()) > _LONGEST:
                pieces.append(piece)
                piece = ""
            piece += sign
        encoded = (b2a_base64(each.encode(), newline=False).decode() for each in (*pieces, piece))
        return "\n ".join(f"=?utf-8?B?{each}?=" for each in encoded)

    def _names(self, value: str) -> str:
        return around(_ADDRESS, value, self._address, self._phrase)

    def _phrase(self, phrase: str) -> str:
        return self._text.name(phrase) if phrase.strip("\"' \t\r\n") else phrase

    def _address(self, text: str) -> str:
        if text[:1] == "(":
            return f"({self._phrase(text[1:-1])})"
        inner = text.strip("<>")
        if "@" not in inner and text[:1] == "<" and "." not in inner:
            return text.replace(inner, self._local(inner)) if inner else text
        return self._text.rewrite(text)

    def _local(self, text: str) -> str:
        return text if self._text.known.knows(text) else self._text.local(text)

    def _recipient(self, value: str) -> str:
        match = _TYPED.match(value)
        before, rest = ("", value) if match is None else (match["type"] or "", match["value"])
        bare = rest.strip()
        if _UNQUOTED.fullmatch(bare):  # as some servers write a local part with blanks
            return before + rest.replace(bare, self._text.address(bare))
        if "@" in rest or "+40" in rest:
            return before + self._names(rest)
        return before + ATOM.sub(lambda each: self._local(each[0]), rest)

    def _host(self, value: str) -> str:
        match = _TYPED.match(value)
        before, rest = ("", value) if match is None else (match["type"] or "", match["value"])
        words = rest.split()
        if len(words) != 1 or ":" in rest or IPV4.search(rest) or "@" in rest:
            return before + self._text.rewrite(rest)
        return before + rest.replace(words[0], self._text.host(words[0]))

    def _subject(self, value: str) -> str:
        made = self._text.rewrite(value, Mode.MASKED)
        bare = " ".join(value.split())
        if made != value and len(bare) > 8 and " " in bare:
            self._text.subjects.add(bare)
        return made

    def _ids(self, value: str) -> str:
        bare = value.strip()
        return value.replace(bare, self._text.ids(bare)) if bare and "@" not in bare else self._text.rewrite(value)

    def _message_id(self, value: str) -> str:
        return around(
            re.compile(r"<[^<>@\s]*>"), value, lambda one: f"<{self._text.ids(one[1:-1])}>", self._text.rewrite
        )

    def _signature(self, value: str) -> str:
        return around(_SIGNATURE, value, self._scrambled, self._text.rewrite)

    def _scrambled(self, text: str) -> str:
        before, equals, value = text.partition("=")
        return f"{before}{equals}{self._text.made.atoms(value)}"

    def _trace(self, value: str) -> str:
        return around(_TRACE, value, self._step, self._text.rewrite)

    def _step(self, text: str) -> str:
        match = _TRACE.match(text)
        assert match is not None
        before, value = match.group("before", "value")
        if before[:2].lower() == "id":
            return before + self._text.ids(value)
        is_other = self._text.known.knows(value) or "@" in value or ":" in value or IPV4.fullmatch(value)
        return before + (self._text.rewrite(value) if is_other else self._text.host(value))

    def _parameters(self, value: str) -> str:
        return around(_PARAMETER, value, self._parameter, self._text.rewrite)

    def boundary(self, text: str) -> str:
        """Return the replacement of a boundary: many are made of hosts and queue ids."""
        return self._text.made.atoms(text)

    def _parameter(self, text: str) -> str:
        match = _PARAMETER.match(text)
        assert match is not None
        before, name = match.group("before", "value")
        if before[:1].lower() == "b":
            return before + self.boundary(name)
        bare = name.strip('"')
        ending = _EXTENSION.search(bare)
        stem = bare if ending is None else bare[: ending.start()]
        return before + name.replace(bare, f"{self._text.rewrite(stem, Mode.BLANK)}{ending[0] if ending else ''}")
