"""What `POST /v1/classify` does, apart from HTTP: JSON in, JSON and numbers out; the same in the server and in its workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from undeliverable import classify
from undeliverable.serve._api_fields import of_object
from undeliverable.serve._judging import Arguments, Judging
from undeliverable.serve._metrics import labels_in
from undeliverable.serve._problems import ApiError, Fault, refuse
from undeliverable.serve._routes import REPLY
from undeliverable.serve._web import json_of, octets_of

if TYPE_CHECKING:
    from undeliverable.serve._metrics import Labels

__all__ = ["Judged", "judged", "with_context"]

_SLICE: Final = 50  # replies that are judged before somebody else has a turn
_MOST_FAULTS: Final = 20
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
        yield from _batch(work, cast("list[object]", value), most)
    else:
        record = work.record(value, "")
        refuse(work.faults)
        yield Judged(octets_of(record), work.tally)


def _batch(work: _Work, items: list[object], most: int) -> Iterator[Judged | None]:
    if len(items) > most:
        raise ApiError("too_large", f"the list has more than {most} replies")
    found: list[bytes] = []
    for start in range(0, len(items), _SLICE):
        records = [work.record(item, f"/{number}") for number, item in enumerate(items[start : start + _SLICE], start)]
        if not work.faults:
            found.append(octets_of(records)[1:-1])
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

    def record(self, item: object, place: str) -> dict[str, object]:
        """Return the record of the verdict on one reply; nothing after the first fault, which is all that will be answered.

        :param place: the JSON Pointer to the reply.
        """
        values = of_object(REPLY, item, place, self.faults)
        if self.faults:
            del self.faults[_MOST_FAULTS:]
            return {}
        tenant = values.get("tenant", self._tenant)
        if self._plain is None:
            known = with_context(self._arguments, values)
        else:
            for name in _UNASKED & values.keys():
                del values[name]
            known = values
            known["knowledge"] = self._plain
        record = classify(**known).to_dict()
        self.tally[labels_in(record, tenant)] += 1
        return record


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
