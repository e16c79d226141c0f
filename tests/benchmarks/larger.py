"""Messages that return a large letter, as real bounces do: the same report with more lines in the returned message."""

from __future__ import annotations

import re
from typing import Final

_RETURNED: Final = re.compile(rb"(?im)^content-type:[ \t]*message/(?:rfc822|global)\b")
_LINE: Final = b"A letter to somebody who may read it, with some sixty characters a line.\n"


def returning(raw: bytes, size: int) -> bytes:
    """The message with so many octets more in the returned one; as it is where it returns none."""
    found = _RETURNED.search(raw)
    if found is None:
        return raw
    end = b"\r\n" if b"\r\n" in raw[:1000] else b"\n"
    last = raw.rfind(end + b"--", found.start())
    at = len(raw) if last < 0 else last
    line = _LINE.replace(b"\n", end)
    return raw[:at] + end + line * (size // len(line)) + raw[at:]
