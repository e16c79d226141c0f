"""What `POST /v1/classify` does, apart from HTTP: JSON in, JSON and numbers out; the same in the server and in its workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from undeliverable import classify
from undeliverable.serve._api_fields import of_object
from undeliverable.serve._judging import Arguments, Judging
from undeliverable.serve._metrics import labels_of
from undeliverable.serve._problems import ApiError, Fault, refuse
from undeliverable.serve._routes import REPLY
from undeliverable.serve._web import json_of, octets_of

if TYPE_CHECKING:
    from undeliverable.serve._metrics import Labels

__all__ = ["Judged", "judged", "with_context"]

_SLICE: Final = 50  # replies that are judged before somebody else has a turn, if they are no longer than usual
_OCTETS: Final = 1 << 17  # octets of such replies
_OF_CONTEXT: Final = frozenset(("tenant", "stream", "source", "attempts", "age"))
_UNASKED: Final = _OF_CONTEXT | {"sender"}
_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


class Judged(NamedTuple):
    """The result.

    :ivar body: the JSON of a verdict, or of a list of them.
    :ivar tally: the number of verdicts with the same labels.
    """

    body: bytes
    tally: Mapping[Labels, int]


def judged(judging: Judging, body: bytes, most: int) -> Iterator[Judged | None]:
    """Yield None now and then, so that others have a turn, and the result in the end.

    :param judging: gives the rules and policies.
    :param body: the body of the request.
    :param most: the largest number of replies.
    :raises ApiError: for a body that cannot be used.
    """
    value, work = json_of(body), _Work(judging.arguments())
    if isinstance(value, list):
        yield from _batch(work, cast("list[object]", value), len(body), most)
    else:
        records = work.records([(value, "")])
        refuse(work.faults)
        yield Judged(octets_of(records[0]), work.tally)


def _batch(work: _Work, items: list[object], size: int, most: int) -> Iterator[Judged | None]:
    if len(items) > most:
        raise ApiError("too_large", f"the list has more than {most} replies")
    found: list[bytes] = []
    step = max(1, min(_SLICE, _OCTETS * len(items) // size))
    for start in range(0, len(items), step):
        slice_ = [(item, f"/{number}") for number, item in enumerate(items[start : start + step], start)]
        found.append(octets_of(work.records(slice_))[1:-1])
        yield None
    refuse(work.faults)
    yield Judged(b"[%b]" % b",".join(found), work.tally)


class _Work:
    """The judging of one request.

    :ivar tally: the number of verdicts with the same labels.
    :ivar faults: what is wrong with the replies.
    """

    def __init__(self, arguments: Arguments) -> None:
        self.tally = Counter[Any]()
        self.faults: list[Fault] = []
        self._arguments = arguments
        self._tenant = arguments.get("context", _NOTHING).get("tenant")
        # Without policies the context changes nothing, and takes a fifth of the time.
        self._plain = arguments["knowledge"] if arguments["knowledge"].is_plain else None

    def records(self, replies: Sequence[tuple[object, str]]) -> list[dict[str, object]]:
        """Return the records of the verdicts on replies; none from the first fault on, which is all that will be answered.

        One step is taken for all replies before the next one: so its code stays in the caches of the processor, and a
        batch takes four fifths of the time.

        :param replies: JSON values, each with the JSON Pointer to it.
        """
        values = [of_object(REPLY, item, place, self.faults) for item, place in replies]
        if self.faults:
            return []
        tenants = [each.get("tenant", self._tenant) for each in values]
        verdicts = [classify(**known) for known in map(self._known, values)]
        records = [verdict.to_dict() for verdict in verdicts]
        self.tally.update(map(labels_of, verdicts, tenants))
        return records

    def _known(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of `classify`."""
        if self._plain is None:
            return with_context(self._arguments, values)
        for name in _UNASKED & values.keys():
            del values[name]
        values["knowledge"] = self._plain
        return values


def with_context(arguments: Arguments, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a function that judges: those of the server, and above them the values of the request."""
    known: dict[str, Any] = {**arguments}
    own: dict[str, Any] | None = None
    for name, value in values.items():
        if name not in _OF_CONTEXT:
            known[name] = value
        elif own is None:
            known["context"] = own = {**arguments.get("context", _NOTHING), name: value}
        else:
            own[name] = value
    return known
