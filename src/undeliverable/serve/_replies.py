"""What `POST /v1/classify` does, apart from HTTP: JSON in, JSON and numbers out; the same in the server and in its workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from undeliverable import classify
from undeliverable.serve._api_fields import of_object
from undeliverable.serve._judging import Arguments, Judging
from undeliverable.serve._metrics import labels_of
from undeliverable.serve._problems import ApiError, Fault
from undeliverable.serve._routes import REPLY
from undeliverable.serve._web import json_of

if TYPE_CHECKING:
    from undeliverable.serve._metrics import Labels

__all__ = ["Judged", "judged", "with_context"]

_SLICE: Final = 50  # replies that are judged before somebody else has a turn
_MOST_FAULTS: Final = 20
_OF_CONTEXT: Final = frozenset(("tenant", "stream", "source", "attempts", "age"))
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
    value, arguments = json_of(body), judging.arguments()
    if isinstance(value, list):
        yield from _batch(arguments, cast("list[object]", value), most)
    else:
        tally, faults = Counter[Any](), list[Fault]()
        text = _verdict(arguments, value, "", tally, faults)
        _refuse(faults)
        yield Judged(text.encode("ascii"), tally)


def _batch(arguments: Arguments, items: list[object], most: int) -> Iterator[Judged | None]:
    if len(items) > most:
        raise ApiError("too_large", f"the list has more than {most} replies")
    tally, faults, found = Counter[Any](), list[Fault](), list[str]()
    for number, item in enumerate(items):
        found.append(_verdict(arguments, item, f"/{number}", tally, faults))
        if number % _SLICE == _SLICE - 1:
            yield None
    _refuse(faults)
    yield Judged(f"[{','.join(found)}]".encode("ascii"), tally)


def _verdict(arguments: Arguments, item: object, place: str, tally: Counter[Any], faults: list[Fault]) -> str:
    """Return the JSON of the verdict on one reply; nothing after the first fault, which is all that will be answered."""
    values = of_object(REPLY, item, place, faults)
    if faults:
        del faults[_MOST_FAULTS:]
        return ""
    known = with_context(arguments, values)
    verdict = classify(known.pop("reply"), **known)
    tally[labels_of(verdict, known.get("context", _NOTHING).get("tenant"))] += 1
    return verdict.to_json()


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise ApiError("invalid", "a value cannot be used", faults)


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
