"""How verdicts and reports look to people: in a console, in a test's failure, in a notebook; and as JSON and as pickles.

The texts are made in `_shown`, which is imported with the first one; so are the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copyreg import __newobj__  # type: ignore[attr-defined] # what object.__reduce_ex__ uses
from functools import lru_cache
from types import MappingProxyType, ModuleType
from typing import Any, cast

from undeliverable.model import Event
from undeliverable.reasons import Advice, BounceType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from undeliverable.verdict._shown import ShownReport, ShownVerdict

__all__ = ["ReportViews", "VerdictViews"]

_NOTHING: Mapping[str, object] = MappingProxyType({})


@lru_cache(maxsize=1)
def _record_json() -> Callable[..., str]:
    """Return what writes a record: imported with the first one, for the statement takes time each time."""
    from undeliverable.verdict._json import record_json

    return record_json


@lru_cache(maxsize=1)
def _pickled() -> ModuleType:
    """Return what pickles: imported with the first one, as above."""
    from undeliverable.verdict import _pickled

    return _pickled


def _as_before(value: Any) -> tuple[Any, ...]:  # noqa: ANN401 # a verdict or a report
    """Return how a dataclass is pickled: each attribute as an object."""
    return cast("Any", __newobj__), (value.__class__,), value.__getstate__()


class VerdictViews:
    """The views of a verdict."""

    __slots__ = ()
    bounce_type: BounceType | None
    advice: Advice | None

    if TYPE_CHECKING:

        def to_dict(self) -> dict[str, object]: ...

    @property
    def is_hard(self) -> bool:
        """True if the failure is permanent: the address that failed is dead."""
        return self.bounce_type is BounceType.HARD

    @property
    def should_suppress(self) -> bool:
        """True if the advice is to send no more mail to the address that was mailed (``sent_to``)."""
        return self.advice is Advice.SUPPRESS

    def __reduce__(self) -> tuple[Any, ...]:
        if VerdictViews not in self.__class__.__bases__:
            return _as_before(self)
        pickled = _pickled()
        try:
            return pickled.restored_verdict, (self.__class__, pickled.verdict_state(self))
        except (AttributeError, KeyError, TypeError):  # made by somebody, of other values
            return _as_before(self)

    def to_json(self) -> str:
        """Return the public record as one line of JSON in ASCII."""
        return _record_json()(self.to_dict(), _NOTHING)

    def __repr__(self) -> str:
        from undeliverable.verdict._shown import verdict_line

        return verdict_line(cast("ShownVerdict", self))

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:
        from undeliverable.verdict._shown import verdict_pairs

        return verdict_pairs(cast("ShownVerdict", self))

    def _repr_html_(self) -> str:
        from undeliverable.verdict._shown import verdict_html

        return verdict_html(cast("ShownVerdict", self))


class ReportViews:
    """The views of a report."""

    __slots__ = ()
    event: Event | None
    verdicts: Any

    if TYPE_CHECKING:

        def to_dict(self) -> dict[str, object]: ...

    def __reduce__(self) -> tuple[Any, ...]:
        kinds = {verdict.__class__ for verdict in self.verdicts}
        if ReportViews not in self.__class__.__bases__ or not all(VerdictViews in kind.__bases__ for kind in kinds):
            return _as_before(self)
        pickled = _pickled()
        try:
            return pickled.restored_report, (self.__class__, next(iter(kinds), None), pickled.report_state(self))
        except (AttributeError, KeyError, TypeError):  # made by somebody, of other values
            return _as_before(self)

    def to_json(self, *, compact: bool = False, more: Mapping[str, object] = _NOTHING) -> str:
        """Return the public record as one line of JSON in ASCII, as ``--format jsonl`` writes it.

        It is what ``json.dumps(report.to_dict())`` returns; with the extra ``fast`` it takes less time.

        :param compact: without the blanks behind commas and colons.
        :param more: keys of your own and their values, written behind those of the record.
        :raises TypeError: when `more` or the metadata of an event hold what JSON has no form for.
        """
        record, event = self.to_dict(), self.event
        added = more if event is None else {**more, "tags": event.tags, "metadata": event.metadata}
        return _record_json()({**record, **more} if more else record, added, compact=compact)

    def __repr__(self) -> str:
        from undeliverable.verdict._shown import report_line

        return report_line(cast("ShownReport", self))

    def __str__(self) -> str:
        from undeliverable.verdict._shown import report_text

        return report_text(cast("ShownReport", self))

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:
        from undeliverable.verdict._shown import report_pairs

        return report_pairs(cast("ShownReport", self))

    def _repr_html_(self) -> str:
        from undeliverable.verdict._shown import report_html

        return report_html(cast("ShownReport", self))
