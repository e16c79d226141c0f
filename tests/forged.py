"""The law of forged reports: nobody is condemned, or even named, who was not refused.

What a server relayed is read as it came, and as gateways and forwarding leave it: without its parts, or without the
header that says where they begin.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

from undeliverable import Action, Advice, BounceType, Report, Verdict

ARRIVED: Final = frozenset({Action.DELIVERED, Action.RELAYED, Action.EXPANDED})


def broken(report: Report, refused: Mapping[str, str], spared: Collection[str], *, complete: bool = True) -> list[str]:
    """Return how a report breaks the law.

    Args:
        report: What was read.
        refused: Recipients that were refused, with the words of the reply.
        spared: Recipients of the same message that were accepted, or that their own reply does not condemn.
        complete: Whether everybody who was refused has to be named.

    """
    verdicts = {verdict.recipient: verdict for verdict in report.verdicts if verdict.recipient is not None}
    strangers = [
        name for name, verdict in verdicts.items() if name not in refused and not (name in spared and arrived(verdict))
    ]
    return [
        *(f"{'condemns' if final(verdicts[name]) else 'names'} {name}, who was not refused" for name in strangers),
        *(
            f"condemns {name}, whose own reply does not"
            for name, verdict in verdicts.items()
            if name in spared and name not in strangers and final(verdict)
        ),
        *(f"says nothing about {name}" for name in refused if complete and name not in verdicts),
    ]


def arrived(verdict: Verdict) -> bool:
    return verdict.bounce_type is None and verdict.action in ARRIVED


def final(verdict: Verdict) -> bool:
    return verdict.bounce_type is BounceType.HARD or verdict.advice is Advice.SUPPRESS


# --- what is left of a report -------------------------------------------------------------------------------------------


def as_received(raw: bytes) -> bytes:
    return raw


def text_alone(raw: bytes) -> bytes:
    """Return the report as a plain text: what is for people, without fields and returned message."""
    header, texts = _split(raw)
    return header + b"\n" + texts[0]


def text_and_copy(raw: bytes) -> bytes:
    """Return the report as one plain text, the returned message below it."""
    header, texts = _split(raw)
    return header + b"\n" + texts[0] + b"\n" + texts[-1]


def without_fields(raw: bytes) -> bytes:
    """Return the report without its machine-readable part."""
    start = raw.index(b"--" + _boundary(raw), raw.index(b"message/delivery-status") - 200)
    return raw[:start] + raw[raw.index(b"--" + _boundary(raw), start + 2) :]


def without_mime_header(raw: bytes) -> bytes:
    """Return the report with its parts and delimiters, but without the fields of its header that declare them."""
    return _split(raw)[0] + b"\n" + raw.partition(b"\n\n")[2]


FORMS: Final[dict[str, Callable[[bytes], bytes]]] = {
    made.__name__: made for made in (as_received, text_alone, text_and_copy, without_fields, without_mime_header)
}


def _boundary(raw: bytes) -> bytes:
    found = re.search(rb'(?i)boundary="?([^"\s]+)', raw)
    assert found is not None
    return found[1]


def _split(raw: bytes) -> tuple[bytes, list[bytes]]:
    """Return the header without its MIME fields, and the content of each part."""
    header, _, body = raw.partition(b"\n\n")
    plain = re.sub(rb"(?im)^(?:content-[a-z-]+|mime-version):.*\n(?:[ \t].*\n)*", b"", header + b"\n")
    parts = body.split(b"--" + _boundary(raw))[1:-1]
    return plain, [part.partition(b"\n\n")[2] for part in parts]
