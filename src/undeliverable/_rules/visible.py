"""What rules see of a reply, and where a phrase stands in it.

Rules see the reply folded (:mod:`undeliverable._text.fold`), with single blanks, without the codes that repeat on the
lines of a multi-line reply, and with its addresses blanked. A phrase fits where it begins at the beginning of a word and
may end anywhere: ``block`` fits ``blocked`` but not ``unblock``. Only a last word of less than four letters must be a
whole one: ``spf`` does not fit ``spfx``. Where a phrase begins with a letter of a script that puts no blanks between
words, it fits anywhere.
"""

from __future__ import annotations

import re
from typing import Final

from undeliverable._text.fold import fold
from undeliverable._text.lazy import lazy

__all__ = [
    "BARE",
    "BRACKETED",
    "FILE",
    "HEAD",
    "IN_PLACE_OF_FILE",
    "REPEATED",
    "SHORT",
    "TEXT_LIMIT",
    "UNSPACED",
    "UNSPACED_FROM",
    "place_of",
    "stands_in",
    "visible",
]

TEXT_LIMIT: Final = 8_192
"""How many characters of a reply are looked at: RFC 5321 4.5.3.1.5 allows a line of 512 octets, this many lines of it."""
UNSPACED_FROM: Final = "\u0e00"  # Thai, and from there on nearly all scripts that put no blanks between words
UNSPACED: Final = lazy(f"[{UNSPACED_FROM}-\U0010ffff]")
"""Finds a character of such a script."""
SHORT: Final = 4
"""A phrase's last word must be a whole one if it has fewer letters than this."""

BRACKETED: Final = re.compile(r"<[^<>@\s]{0,256}@[^<>\s]{0,256}>")
BARE: Final = lazy(r"(?<![\w.+-])[\w.!#$%&*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,9}")
# "550-5.7.1 " on every line but the last, as RFC 5321 4.2.1 has it; RFC 2034 4 repeats the status on each line.
_STATUS: Final = r"[245]\.\d{1,3}\.\d{1,3}(?!\S)"
HEAD: Final = lazy(rf"\d{{3}}[- ]?(?:{_STATUS} ?)?")
# It begins with a digit, which is found five times as fast as what is not behind another character.
REPEATED: Final = lazy(rf"[245](?<!\S[245])(?:\d\d(?:-(?:{_STATUS})?| {_STATUS})|{_STATUS.removeprefix('[245]')})")
# The path or name of a file with "_" in it, of which the fold would make words: "/etc/mail/no_such_user.cf".
FILE: Final = lazy(
    r"(?<![^\s\"'(\[<=])(?:(?:file://|[A-Za-z]:(?=\\)|\.{0,2})[/\\][\w.~/\\-]{0,200}_[\w.~/\\-]{0,200}(?<!\.)"
    r"|[\w-]{1,64}_[\w-]{1,64}\.[A-Za-z][A-Za-z0-9]{1,3}(?![\w.@-]))"
)
IN_PLACE_OF_FILE: Final = "/"


def visible(text: str, code: int) -> str:
    """Return what rules see of the reply `text`, whose code is `code`."""
    if len(text) > TEXT_LIMIT:
        text = text[:TEXT_LIMIT]
    if "_" in text:
        text = _without_files(text)
    text = fold(text)
    if "@" in text:
        text = _without_addresses(text)
    if code and (text.count(text[:3]) > 1 or text[3:4] == "-"):
        text = _joined(text)
    if "  " in text or "\n" in text or "\t" in text or not text.isascii():
        text = " ".join(text.split())
    return text


def _without_files(text: str) -> str:
    """Return `text` without the paths and names of files, which hold no blanks: only words with "_" are looked at."""
    return " ".join([FILE.sub(IN_PLACE_OF_FILE, token) if "_" in token else token for token in text.split(" ")])


def _without_addresses(text: str) -> str:
    """`text` with each address blanked: what a mailbox is called must not decide (``<blacklist@example.org>``)."""
    text = BRACKETED.sub("<>", text)
    if "@" not in text:
        return text
    return " ".join([BARE.sub("<>", token) if "@" in token else token for token in text.split(" ")])


def _joined(text: str) -> str:
    """Return a multi-line reply without the codes that stand in mid-sentence once its lines are joined."""
    head = HEAD.match(text)
    end = head.end() if head else 0
    return text[:end] + REPEATED.sub("", text[end:]).replace(f" {text[:3]} ", " ")


def place_of(phrase: str, text: str) -> int:
    """Return where `phrase` stands in `text` at the beginning of a word, or -1; both as :func:`visible` gives them.

    A last word of less than four letters must be a whole one: ``spf`` and ``ip`` begin too many others.
    """
    at = text.find(phrase)
    if at < 0:
        return -1
    begins = not phrase[0].isalnum() or phrase[0] >= UNSPACED_FROM
    ends = (
        not phrase[-1].isalnum() or phrase[-1] >= UNSPACED_FROM or (len(phrase) >= SHORT and phrase[-SHORT:].isalnum())
    )
    while at >= 0:
        end = at + len(phrase)
        if (begins or at == 0 or not text[at - 1].isalnum()) and (ends or not text[end : end + 1].isalnum()):
            return at
        at = text.find(phrase, at + 1)
    return -1


def stands_in(phrase: str, text: str) -> bool:
    """Return whether `phrase` stands in `text` at the beginning of a word."""
    return place_of(phrase, text) >= 0
