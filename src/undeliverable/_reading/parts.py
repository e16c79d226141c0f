"""What the parts of a message are for, and which of them holds the notification.

Parts are sorted by their content types first. Gateways relabel parts: where a label says nothing, or a report seems to
lack its fields, parts are sorted by the fields that they begin with.
"""

from __future__ import annotations

from typing import Final

from undeliverable._mime.grammar import FIELD
from undeliverable._mime.headers import raw_fields
from undeliverable._mime.part import Part

__all__ = ["Survey", "notification", "sort_mislabelled", "sort_parts"]

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


_NAME_ROOM: Final = 100
_BLOCK_ROOM: Final = 4096
_OTHERS: Final = 8
"""How many parts of types that say nothing are looked into."""

# What a body is by the fields that it begins with: the fields of which all, and of which one, have to be there.
# RFC 5322 3.6 with RFC 5321 4.4, RFC 8098 3.1, RFC 5965 3.1, RFC 3464 2.2.2 and 2.3. Messages come first: their authors
# can write the fields of all others into their header.
_HELD: Final = (
    ("message/rfc822", {"from"}, {"received", "message-id", "return-path"}),
    ("message/rfc822", set[str](), {"received", "return-path"}),
    ("message/disposition-notification", {"disposition"}, {"final-recipient", "original-recipient"}),
    ("message/feedback-report", {"feedback-type"}, {"user-agent", "version"}),
    ("message/delivery-status", {"reporting-mta"}, {"reporting-mta"}),
    ("message/delivery-status", {"final-recipient"}, {"action", "status"}),
)


class Survey:
    """The parts of a message, sorted by what they are for; those inside a returned message are not among them."""

    def __init__(self) -> None:
        self.texts: list[Part] = []
        self.statuses: list[Part] = []
        self.feedback: list[Part] = []
        self.dispositions: list[Part] = []
        self.returned: list[Part] = []
        self.returned_headers: list[Part] = []
        self.others: list[Part] = []
        self.foreign: list[Part] = []

    @property
    def is_doubtful(self) -> bool:
        """Return whether something may be in a part that is not of the type for it."""
        return bool(self.others or len(self.texts) > 1 or (self.returned and not self.statuses))


def sort_parts(root: Part) -> Survey:
    """Return the leaves of `root` in order, a returned message and a digest (RFC 2046 5.1.5) each counting as one."""
    survey = Survey()
    waiting = [root]
    while waiting:
        part = waiting.pop()
        kind = part.content_type
        slot = _SLOTS.get(kind)
        if slot is not None:
            if slot == "statuses" and survey.statuses and survey.returned:
                # The fields of a returned report, whose boundary is the one of the report around it.
                slot = "foreign"
            getattr(survey, slot).append(part)
        elif kind == "multipart/alternative":
            waiting += _alternatives(part)
        elif kind.startswith("multipart/") and kind != "multipart/digest":
            waiting += part.children[::-1]
            if not part.children and len(survey.texts) < _TEXTS:  # its boundaries are lost, but not what it says
                survey.texts.append(part)
        elif kind.startswith("text/") and part.children:  # a multipart that has lost the header that says so
            waiting += part.children[::-1]
        elif kind.startswith("text/") and len(survey.texts) < _TEXTS:
            survey.texts.append(part)
        elif kind.startswith("application/") and len(survey.others) < _OTHERS:
            survey.others.append(part)
    return survey


def _alternatives(part: Part) -> tuple[Part, ...]:
    """Return the children of a multipart/alternative (RFC 2046 5.1.4), the last first; HTML alone if only it has addresses."""
    children = part.children
    if len(children) == 2 and children[0].content_type == "text/plain" and children[1].content_type == "text/html":
        plain, rich = children
        if "@" not in plain.text and "@" in rich.text:
            return (rich,)
    return children[::-1]


def sort_mislabelled(survey: Survey, *, is_report: bool) -> None:
    """Sort the parts that gateways gave a type which says nothing of them, or something false, by what they hold.

    In other mail than reports only a complaint is looked for, whose senders are of all kinds. What a person passes on is
    left as it is: not to be called for replies and forwarded messages.

    :param is_report: whether a mail system sent the message, or its type is that of reports (RFC 6522 3).
    """
    texts = survey.texts[1:] if is_report else []  # the first is the notification itself
    if survey.statuses:
        texts = [part for part in texts if part.content_type != "text/html"]  # the same words once more, and much work
    for part in [*survey.others, *texts]:
        _sort_by_fields(survey, part, is_report=is_report)
    if is_report and not survey.statuses:
        for part in survey.returned[:]:
            if _held_type(part.embedded_header or "") == "message/delivery-status":
                survey.returned.remove(part)
                survey.statuses.append(part.read_as("message/delivery-status"))


def _sort_by_fields(survey: Survey, part: Part, *, is_report: bool) -> None:
    held = _held_type(part.text if part.content_type.startswith("text/") else part.opening)
    if held is None or not (is_report or held == "message/feedback-report"):
        return
    slot: list[Part] = getattr(survey, _SLOTS[held])
    if part in survey.texts:
        if part.content_type == "text/html" and held == "message/rfc822":
            return
        survey.texts.remove(part)
    if held == "message/rfc822" or not slot:
        slot.append(part.read_as(held))


def _held_type(text: str) -> str | None:
    """Return the type of a body by the names of the fields that it begins with, or None."""
    if ":" not in text[:_NAME_ROOM]:
        return None
    block = text[:_BLOCK_ROOM].lstrip("\n").partition("\n\n")[0]
    if FIELD.match("\n" + block) is None:
        return None
    names = {name.lower() for name, _ in raw_fields(block)}
    return next((kind for kind, wanted, one_of in _HELD if wanted <= names and one_of & names), None)


def notification(survey: Survey) -> tuple[str, str]:
    """Return the text for people and the path of its part: the plain parts, or the HTML ones if those are empty."""
    if len(survey.texts) == 1:
        only = survey.texts[0]
        return ("", "") if not only.text or only.text.isspace() else (only.text, only.path)
    above = _above_returned(survey)
    plain = [part for part in above if part.content_type != "text/html"]
    html = [part for part in above if part.content_type == "text/html"]
    for parts in (plain, html):
        texts = [text for part in parts if (text := part.text).strip()]
        if texts:
            return (texts[0] if len(texts) == 1 else "\n\n".join(texts)), parts[0].path
    return "", ""


def _above_returned(survey: Survey) -> list[Part]:
    """Return the text parts above the returned message, or all if there is none: what a gateway adds below is a footer."""
    returned = [_place(part) for part in (*survey.returned[:1], *survey.returned_headers[:1])]
    if not returned:
        return survey.texts
    first = min(returned)
    return [part for part in survey.texts if _place(part) < first] or survey.texts


def _place(part: Part) -> tuple[int, ...]:
    """Return where a part stands among the parts of a message."""
    return tuple(map(int, part.path.split("."))) if part.path else ()
