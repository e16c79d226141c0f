"""How verdicts and reports look to people: in a console, in a test's failure, in a notebook; and as JSON.

The texts are made in `_shown`, which is imported with the first one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from undeliverable.reasons import Advice, BounceType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from undeliverable.verdict._shown import ShownReport, ShownVerdict

__all__ = ["ReportViews", "VerdictViews"]


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

    def to_json(self) -> str:
        """Return the public record as one line of JSON in ASCII."""
        import json

        return json.dumps(self.to_dict())

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

    if TYPE_CHECKING:

        def to_dict(self) -> dict[str, object]: ...

    def to_json(self) -> str:
        """Return the public record as one line of JSON in ASCII, as ``--format jsonl`` writes it."""
        import json

        return json.dumps(self.to_dict())

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
