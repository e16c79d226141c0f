"""What the parts of a message are for, and which of them holds the notification."""

from __future__ import annotations

from typing import Final

from undeliverable._mime import Part

__all__ = ["Survey", "notification", "sort_parts"]

# What a part is for, by its content type: RFC 3464, 6522, 6533, 5965 and 8098.
_SLOTS: Final = {
    "message/delivery-status": "statuses",
    "message/global-delivery-status": "statuses",
    "message/feedback-report": "feedback",
    "message/disposition-notification": "dispositions",
    "message/global-disposition-notification": "dispositions",
    "message/rfc822": "returned",
    "message/global": "returned",
    "text/rfc822-headers": "returned_headers",
    "message/rfc822-headers": "returned_headers",
    "message/global-headers": "returned_headers",
}
_TEXTS: Final = 4
"""How many text parts can hold the notification; real ones have one or two."""


class Survey:
    """The parts of a message, sorted by what they are for; those inside a returned message are not among them."""

    __slots__ = ("dispositions", "feedback", "returned", "returned_headers", "statuses", "texts")

    def __init__(self) -> None:
        self.texts: list[Part] = []
        self.statuses: list[Part] = []
        self.feedback: list[Part] = []
        self.dispositions: list[Part] = []
        self.returned: list[Part] = []
        self.returned_headers: list[Part] = []


def sort_parts(root: Part) -> Survey:
    """The leaves of `root` in order, a returned message and a digest (RFC 2046 5.1.5) each counting as one."""
    survey = Survey()
    waiting = [root]
    while waiting:
        part = waiting.pop()
        kind = part.content_type
        slot = _SLOTS.get(kind)
        if slot is not None:
            getattr(survey, slot).append(part)
        elif kind.startswith("multipart/") and kind != "multipart/digest":
            waiting += part.children[::-1]
        elif kind.startswith("text/") and len(survey.texts) < _TEXTS:
            survey.texts.append(part)
    return survey


def notification(survey: Survey) -> tuple[str, str]:
    """The text for people and the path of its part: the plain parts, or the HTML ones where those are empty."""
    if len(survey.texts) == 1:
        only = survey.texts[0]
        return ("", "") if not only.text or only.text.isspace() else (only.text, only.path)
    plain = [part for part in survey.texts if part.content_type != "text/html"]
    html = [part for part in survey.texts if part.content_type == "text/html"]
    for parts in (plain, html):
        texts = [text for part in parts if (text := part.text).strip()]
        if texts:
            return (texts[0] if len(texts) == 1 else "\n\n".join(texts)), parts[0].path
    return "", ""
