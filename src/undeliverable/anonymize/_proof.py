"""Prove a result: the same verdict as before, and nothing left in it of what was to be replaced, in any decoding."""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterable, Iterator
from typing import Final, cast

from undeliverable._mime.headers import decode_words
from undeliverable._mime.part import read
from undeliverable._text.identity import is_same_address
from undeliverable.anonymize._text import Text
from undeliverable.verdict import Report

__all__ = ["differences", "leaks", "leaks_of_line"]

# What need not be the same: what is replaced, and how sure a verdict is, which every word of a reply has a part in.
_REPLACED: Final = frozenset(("reply", "remote_mta", "token", "key", "vendor_code", "conflicts", "confidence"))
_RECIPIENTS: Final = ("recipient", "original_recipient", "sent_to")
_BASE64: Final = re.compile(rb"(?:[A-Za-z0-9+/]{16,76}\r?\n){0,20000}[A-Za-z0-9+/]{16,76}={0,2}")
_URL: Final = re.compile(r"(?:[%+=][0-9A-Fa-f]{2})")
_NAME: Final = re.compile(r"^X-[!-9;-~]{1,76}:", re.MULTILINE | re.IGNORECASE)
"""The name of a field says what software wrote it."""
_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_FOLD: Final = re.compile(r"\r?\n[ \t]+")
_ENTITY: Final = re.compile(r"&[A-Za-z0-9#]{1,8};")


def differences(before: Report, after: Report, text: Text) -> tuple[str, ...]:
    """Return in words where the second report does not say the same as the first.

    :param text: what rewrote the first.
    """
    return tuple(_differences(before, after, text))


def _differences(before: Report, after: Report, text: Text) -> Iterator[str]:
    pairs = {
        "kind": (str(before.kind), str(after.kind)),
        "generator": (before.message.generator, after.message.generator),
    }
    for place, (one, other) in pairs.items():
        if one != other:
            yield f"{place}: {_shown(one)} became {_shown(other)}"
    if len(before.verdicts) != len(after.verdicts):
        yield f"{len(before.verdicts)} verdicts became {len(after.verdicts)}"
    for number, (first, second) in enumerate(zip(before.verdicts, after.verdicts, strict=False), start=1):
        known = second.to_dict()
        for key, value in first.to_dict().items():
            if key not in _REPLACED and not _is_same(key, value, known[key], text):
                shown = "another address" if key in _RECIPIENTS else f"{_shown(value)} became {_shown(known[key])}"
                yield f"{key} of recipient {number}: {shown}"


def _is_same(key: str, before: object, after: object, text: Text) -> bool:
    """Return whether a value is the same, or what it was replaced by."""
    if before == after or not isinstance(before, str) or not isinstance(after, str):
        return before == after
    if key in _RECIPIENTS:
        return is_same_address(text.address(before) if "@" in before else text.local(before), after)
    return text.rewrite(before) == after


def _shown(value: object) -> str:
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return str(fields.get("id", fields))
    return "nothing" if value is None else str(value)


def leaks(raw: bytes, originals: Iterable[str]) -> tuple[str, ...]:
    """Return those of the texts that still stand in a message, as words, in any of its decodings."""
    return _found(_views(raw), originals)


def leaks_of_line(raw: bytes, originals: Iterable[str]) -> tuple[str, ...]:
    """Return those of the texts that still stand in a line of a log or of JSON."""
    text = raw.decode("utf-8", "replace")
    texts = [text, raw.decode("latin-1")]
    if "\\u" in text:
        texts.append(_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text))
    return _found(texts, originals)


def _found(texts: Iterable[str], originals: Iterable[str]) -> tuple[str, ...]:
    views = [view.casefold() for view in texts]
    words = set[str]().union(*(re.findall(r"[^\W_]+", view) for view in views))
    found: list[str] = []
    for text in originals:
        first = re.search(r"[^\W_]+", text)
        if first is None or first[0].casefold() not in words:  # nearly all
            continue
        pattern = re.compile(rf"(?<![^\W_]){re.escape(text.casefold())}(?![^\W_])")
        if any(pattern.search(view) for view in views):
            found.append(text)
    return tuple(found)


def _views(raw: bytes) -> Iterator[str]:
    """Yield the text of a message as it stands, and as it reads without each of its encodings."""
    plain = raw.decode("utf-8", "replace")
    texts = [plain, raw.decode("latin-1"), decode_words(_FOLD.sub(" ", plain))]
    texts += [part.text for part in read(raw, []).walk()]
    if b"=" in raw:
        texts.append(a2b_qp(raw).decode("utf-8", "replace"))
    for match in _BASE64.finditer(raw):
        try:
            texts.append(a2b_base64(match[0]).decode("utf-8", "replace"))
        except Base64Error:
            continue
    for text in (_NAME.sub("", each) for each in texts):
        yield text
        if _URL.search(text):
            yield _URL.sub(lambda match: chr(int(match[0][1:], 16)), text)
        if "&" in text and _ENTITY.search(text):
            from html import unescape  # slow to import

            yield unescape(text)
