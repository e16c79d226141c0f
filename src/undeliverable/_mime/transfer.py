"""Content-Transfer-Encoding: decoding (RFC 2045 6) that tolerates truncation and foreign text.

Faultless base64 and quoted-printable go straight to `binascii`. Damaged base64 is decoded as far as it goes: padded
pieces one after the other, then plain text such as a mailing list's footer. Every repair is noted.
"""

from __future__ import annotations

from binascii import a2b_base64, a2b_qp
from io import BytesIO
from typing import TYPE_CHECKING, Final

from undeliverable._mime.grammar import BASE64_LINE, SOFT_BREAK_BLANKS, STRAY_EQUALS
from undeliverable._mime.repairs import Repair
from undeliverable._text.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IDENTITY: Final = frozenset(
    {"", "7bit", "8bit", "binary", "7-bit", "8-bit", "7bits", "8bits", "plain", "none", "us-ascii", "utf-8"}
)
_BLANKS: Final = b" \t\r\n\0"
_SAMPLE: Final = 1024
_CONTROLS: Final = bytes({*range(32), 127} - set(b"\t\n\r\x1b"))
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_USUAL: Final = _ALPHABET + _BLANKS + b"="
_FOREIGN: Final = bytes(set(range(256)) - set(_ALPHABET))
_VISIBLE: Final = lazy(rb"[^ \t\r\n\0]")
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
    """Decode piece by piece: `a2b_qp` takes a second copy of what it is given."""
    if b"=" not in body:
        return body
    decoded = BytesIO()
    at, size, is_faultless = 0, len(body), True
    while at < size:
        stop = body.find(b"\n", at + _PIECE) + 1 or size
        piece = body[at:stop]
        if SOFT_BREAK_BLANKS.search(piece):
            piece = SOFT_BREAK_BLANKS.sub(b"=", piece)
        stray = STRAY_EQUALS.search(piece) if is_faultless else None
        if stray:
            cut = stop == size and stray.start() >= len(piece) - 2
            note(Repair.QUOTED_PRINTABLE_CUT if cut else Repair.QUOTED_PRINTABLE_GARBAGE)
            is_faultless = False
        decoded.write(a2b_qp(piece))
        at = stop
    return decoded.getvalue()


def _base64(body: bytes, note: Callable[[Repair], None]) -> bytes:
    if _is_whole(body):
        return a2b_base64(body)
    if any(piece.translate(None, _USUAL) for piece in _pieces(body)):
        return _base64_lines(body, note)
    compact = body.translate(None, _BLANKS)
    letters = compact.rstrip(b"=")
    if b"=" in letters:
        return _base64_lines(body, note)
    if len(compact) % 4:
        note(Repair.BASE64_CUT)
    return _whole_quads(letters)


def _pieces(body: bytes, start: int = 0) -> Iterator[bytes]:
    """Yield the octets from `start` on piece by piece, so that no second copy of them is made."""
    return (body[at : at + _PIECE] for at in range(start, len(body), _PIECE))


def _is_whole(body: bytes) -> bool:
    """Return whether the body is faultless base64; avoids a second copy of it."""
    first = body.find(b"=")
    padding = body[first:] if first >= 0 else b""
    if padding.count(b"=") > 2 or padding.strip(_BLANKS + b"="):
        return False
    if any(piece.translate(None, _USUAL) for piece in _pieces(body)):
        return False
    return (len(body) - sum(body.count(blank) for blank in _BLANKS)) % 4 == 0


def _whole_quads(letters: bytes | bytearray) -> bytes:
    """Decode base64 letters without padding; a lone last sextet holds no octet and is dropped."""
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    missing = -len(letters) % 4
    return a2b_base64(letters + b"=" * missing if missing else letters)


def _base64_lines(body: bytes, note: Callable[[Repair], None]) -> bytes:
    """Decode base64 with foreign text in it: padded pieces one after the other, a plain-text footer, noise."""
    at = start = len(body) - len(body.lstrip(_BLANKS))
    decoded = BytesIO()
    run = bytearray()
    while line := BASE64_LINE.match(body, at):
        run += line[0].translate(None, b"= \t\r\n")
        at = line.end()
        if b"=" in line[0]:
            decoded.write(_whole_quads(run))
            run.clear()
        elif len(run) > _PIECE:
            _write_quads(run, decoded)
    if at == start:
        note(Repair.BASE64_FALSE)
        return body
    decoded.write(_whole_quads(run))
    visible = _VISIBLE.search(body, at)
    if visible is not None:
        note(Repair.BASE64_GARBAGE)
        _write_rest(body, at, visible.start(), decoded)
    return decoded.getvalue()


def _write_quads(run: bytearray, decoded: BytesIO) -> None:
    """Decode the letters of `run` that make whole quads, and leave the others there."""
    size = len(run) - len(run) % 4
    decoded.write(a2b_base64(run[:size]))
    del run[:size]


def _write_rest(body: bytes, at: int, visible: int, decoded: BytesIO) -> None:
    """Decode what follows the first foreign line: noisy base64 if its letters prevail, otherwise plain text.

    :param visible: where the first octet stands that is to be seen.
    """
    letters = sum(len(piece.translate(None, _FOREIGN)) for piece in _pieces(body, at))
    octets = sum(len(piece.translate(None, _BLANKS)) for piece in _pieces(body, at))
    if letters * 20 < octets * 19 or body.find(b" ", visible, len(body.rstrip())) >= 0:
        decoded.write(b"\n")
        decoded.writelines(_pieces(body, at))
        return
    run = bytearray()
    for piece in _pieces(body, at):
        run += piece.translate(None, _FOREIGN)
        _write_quads(run, decoded)
    decoded.write(_whole_quads(run))
