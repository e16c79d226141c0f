"""Tags of a report: the campaign, source and segment that the sender wrote into the original message.

Four places carry such tags through a bounce: header fields of the returned message, the return path (VERP), the tags and
metadata in an e-mail service's notification, and a Feedback-ID, which feedback loops repeat. They are read in this order,
and the first value counts. There is no clock, no file and no network here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType
from typing import Final, NamedTuple

from undeliverable import Event, Report, Returned
from undeliverable.verp import Pattern

__all__ = ["TagPlaces", "Tags", "tags_of"]

_LONGEST: Final = 200  # characters of a tag, which names a group and may be forged

_PIECES: Final = 4  # https://support.google.com/a/answer/6254652: of a Feedback-ID

_HEADERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "campaign": ("X-Campaign", "X-Campaign-ID", "X-Campaign-Name"),
        "source": ("X-Source", "X-List-Source"),
        "segment": ("X-Segment", "X-Segment-ID"),
    }
)
_NAMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "campaign": ("campaign", "campaign_id", "campaign_name"),
        "source": ("source", "list"),
        "segment": ("segment", "segment_id"),
    }
)


class Tags(NamedTuple):
    """The tags of the mailing that a report belongs to; None where the report has none."""

    campaign: str | None = None
    source: str | None = None
    segment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagPlaces:
    """The places of tags.

    :ivar headers: for each tag the names of header fields of the returned message, of which the first present counts.
    :ivar names: for each tag its names among a return path's places, in a service's metadata, and before the colon or
        equals sign of a service's tag (``campaign:spring``).
    :ivar return_path: the pattern of your return paths, such as ``bounces+{campaign}-{mailbox}={domain}@example.com``.
    """

    headers: Mapping[str, Sequence[str]] = field(default_factory=lambda: _HEADERS)
    names: Mapping[str, Sequence[str]] = field(default_factory=lambda: _NAMES)
    return_path: Pattern | None = None


DEFAULT: Final = TagPlaces()


def tags_of(report: Report, places: TagPlaces = DEFAULT, *, addresses: Iterable[str] = ()) -> Tags:
    """Return the tags of `report`.

    :param places: the places to look in.
    :param addresses: the addresses that the report was sent to, its envelope recipients, for tags in the return path;
        after them the return path of the returned message is tried.
    """
    returned, event = report.message.returned, report.event
    mark = _campaign_of(report)
    if returned is None and event is None and places.return_path is None:
        return Tags(campaign=mark)
    block = "" if returned is None else "\n" + returned.block.lower()
    fields = _path_fields(report, places.return_path, addresses)
    found = Tags(*(_tag(name, places, returned, block, fields, event) for name in Tags._fields))
    return found if found.campaign is not None or mark is None else found._replace(campaign=mark)


def _campaign_of(report: Report) -> str | None:
    """Return the campaign in the Feedback-ID of the message: ``campaign:customer:type:sender``, its usual form."""
    feedback, returned = report.message.feedback, report.message.returned
    mark = None if feedback is None else feedback.feedback_id
    if mark is None and returned is not None and "\nfeedback-id:" in "\n" + returned.block.lower():
        mark = returned.header("Feedback-ID")
    pieces = (mark or "").split(":")
    return pieces[0].strip()[:_LONGEST] or None if len(pieces) == _PIECES else None


def _tag(
    name: str,
    places: TagPlaces,
    returned: Returned | None,
    block: str,
    fields: Mapping[str, str],
    event: Event | None,
) -> str | None:
    names = places.names.get(name, ())
    found = chain(
        () if returned is None else _in_headers(places.headers.get(name, ()), returned, block),
        (fields[known] for known in names if known in fields),
        () if event is None else _in_event(names, event, only=name == "campaign"),
    )
    return next((text[:_LONGEST] for value in found if (text := value.strip())), None)


def _in_headers(names: Sequence[str], returned: Returned, block: str) -> Iterator[str]:
    for name in names:
        # Most blocks have none of them, and a search is cheaper than parsing.
        if f"\n{name.lower()}:" in block:
            yield returned.header(name) or ""


def _path_fields(report: Report, pattern: Pattern | None, addresses: Iterable[str]) -> Mapping[str, str]:
    if pattern is None:
        return {}
    returned = report.message.returned
    # The "from" of a log is the envelope sender.
    own = () if returned is None else (returned.header("Return-Path"), returned.from_)
    for address in filter(None, (*addresses, *own)):
        path = pattern.decode(address)
        if path is not None:
            return path.fields
    return {}


def _in_event(names: Sequence[str], event: Event, *, only: bool) -> Iterator[str]:
    """Yield the values in metadata and tags; a service's only tag, if it has no name before it, is the campaign."""
    for name in names:
        value = event.metadata.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool):
            yield str(value)
    for tag in event.tags:
        head, colon, rest = tag.partition(":" if ":" in tag else "=")
        if colon and head.strip().lower() in names:
            yield rest
    if only and len(event.tags) == 1 and not any(sign in event.tags[0] for sign in ":="):
        yield event.tags[0]
