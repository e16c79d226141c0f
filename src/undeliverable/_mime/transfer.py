"""Content-Transfer-Encoding: decoding (RFC 2045 6) that tolerates truncation and foreign text.

Faultless base64 and quoted-printable go straight to `binascii`. Damaged base64 is decoded as far as it goes: padded
pieces one after the other, then plain text such as a mailing list's footer. Every repair is noted.
"""

from __future__ import annotations

from binascii import a2b_base64, a2b_qp
from typing import TYPE_CHECKING, Final

from undeliverable._mime.grammar import BASE64_LINE, SOFT_BREAK_BLANKS, STRAY_EQUALS
from undeliverable._mime.repairs import Repair

if TYPE_CHECKING:
    from collections.abc import Callable

IDENTITY: Final = frozenset(
    {"", "7bit", "8bit", "binary", "7-bit", "8-bit", "7bits", "8bits", "plain", "none", "us-ascii", "utf-8"}
)
_BLANKS: Final = b" \t\r\n\0"
_SAMPLE: Final = 1024
_CONTROLS: Final = bytes({*range(32), 127} - set(b"\t\n\r\x1b"))
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_USUAL: Final = _ALPHABET + _BLANKS + b"="
_PIECE: Final = 64 * 1024


def decode_transfer(body: bytes, encoding: str, note: Callable[[Repair], None]) -> bytes:
    """Remove the transfer encoding (a lower-case name) of a body; an unknown encoding leaves it unchanged."""
    if encoding in IDENTITY:
        return body
    if encoding.startswith("base64"):
        return _base64(body, note)
    if encoding.startswith("quoted"):
        return _quoted_printable(body, note)
    note(Repair.UNKNOWN_ENCODING)
    return body


def seems_base64(body: bytes) -> bool:
    """Return whether text declared as unencoded is base64 throughout: full lines, then at most one shorter line.

    RFC 2045 6.8 allows lines of at most 76 characters, and encoders fill them. The first line must decode to text.
    """
    lines = body[:_SAMPLE].strip().split(b"\n")
    first = lines[0].rstrip()
    if not 60 <= len(first) <= 76 or len(first) % 4 or not _is_whole(body):
        return False
    if any(len(line.rstrip()) != len(first) for line in lines[1:-1]):
        return False
    shown = a2b_base64(first)
    return len(shown.translate(None, _CONTROLS)) == len(shown)


def _quoted_printable(body: bytes, note: Callable[[Repair], None]) -> bytes:
    if b"=" not in body:
        return body
    if SOFT_BREAK_BLANKS.search(body):
        body = SOFT_BREAK_BLANKS.sub(b"=", body)
    stray = STRAY_EQUALS.search(body)
    if stray:
        cut = stray.start() >= len(body) - 2
        note(Repair.QUOTED_PRINTABLE_CUT if cut else Repair.QUOTED_PRINTABLE_GARBAGE)
    return a2b_qp(body)


def _base64(body: bytes, note: Callable[[Repair], None]) -> bytes:
    if _is_whole(body):
        return a2b_base64(body)
    compact = body.translate(None, _BLANKS)
    padding = len(compact) - len(compact.rstrip(b"="))
    letters = compact[: len(compact) - padding]
    if letters.translate(None, _ALPHABET):
        return _base64_lines(body, note)
    if (len(letters) + padding) % 4:
        note(Repair.BASE64_CUT)
    return _whole_quads(letters)


def _is_whole(body: bytes) -> bool:
    """Return whether the body is faultless base64; avoids a second copy of it."""
    first = body.find(b"=")
    padding = body[first:] if first >= 0 else b""
    if padding.count(b"=") > 2 or padding.strip(_BLANKS + b"="):
        return False
    if any(body[at : at + _PIECE].translate(None, _USUAL) for at in range(0, len(body), _PIECE)):
        return False
    return (len(body) - sum(body.count(blank) for blank in _BLANKS)) % 4 == 0


def _whole_quads(letters: bytes) -> bytes:
    """Decode base64 letters without padding; a lone last sextet holds no octet and is dropped."""
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return a2b_base64(letters + b"=" * (-len(letters) % 4))


def _base64_lines(body: bytes, note: Callable[[Repair], None]) -> bytes:
    """Decode base64 with foreign text in it: padded pieces one after the other, a plain-text footer, noise."""
    start = len(body) - len(body.lstrip(_BLANKS))
    at = start
    pieces: list[bytes] = []
    run: list[bytes] = []
    while line := BASE64_LINE.match(body, at):
        run.append(line[0].translate(None, b"= \t\r\n"))
        at = line.end()
        if b"=" in line[0]:
            pieces.append(_whole_quads(b"".join(run)))
            run = []
    if at == start:
        note(Repair.BASE64_FALSE)
        return body
    pieces.append(_whole_quads(b"".join(run)))
    rest = body[at:]
    if rest.strip(_BLANKS):
        note(Repair.BASE64_GARBAGE)
        pieces.append(_rest(rest))
    return b"".join(pieces)


def _rest(rest: bytes) -> bytes:
    """Decode what follows the first foreign line: noisy base64 if its letters prevail, otherwise plain text."""
    letters = rest.translate(None, bytes(set(range(256)) - set(_ALPHABET)))
    visible = len(rest.translate(None, _BLANKS))
    if b" " not in rest.strip() and len(letters) * 20 >= visible * 19:
        return _whole_quads(letters)
    return b"\n" + rest
