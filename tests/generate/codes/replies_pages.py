"""Pages of reply codes: one for each that stands in an example of a rule."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from tests.generate.codes.parts import HOW_TO, NOTE, page
from tests.generate.codes.reply_codes import REPLIES, Meaning
from tests.generate.codes.samples import Sample, judged, samples

__all__ = ["pages", "replies"]

_LEAST: Final = 400  # what is below did not fail


@cache
def _samples() -> dict[int, list[Sample]]:
    found: dict[int, list[Sample]] = {}
    for sample in samples():
        code = sample.verdict.reply_code
        if code is not None and code >= _LEAST:
            found.setdefault(int(code), []).append(sample)
    for defined in REPLIES:
        text = str(defined)
        found.setdefault(defined, []).append(Sample(text, None, None, judged(text, None), is_bare=True))
    return found


def replies() -> dict[int, Meaning]:
    """Return the codes that have a page, with their meaning.

    :raises KeyError: when a rule's example has a code that no meaning is written down for.
    """
    return {code: REPLIES[code] for code in sorted(_samples())}


def pages() -> dict[str, str]:
    """Return every page by its path."""
    return {str(code): "\n".join(_page(code, meaning)) for code, meaning in replies().items()}


def _page(code: int, meaning: Meaning) -> Iterator[str]:
    yield f"# {code}: {meaning.title}\n"
    yield f"{NOTE}\n"
    source = f" ({meaning.source})" if meaning.source else ""
    yield f"{meaning.text % HOW_TO}{source}\n"
    yield from page(_samples()[code], of=str(code))
