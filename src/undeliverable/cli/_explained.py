"""Explanations on a screen: what they say first, and with `-v` the machinery behind it."""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Final

from undeliverable import Verdict
from undeliverable.cli._command import UsageError
from undeliverable.cli._paragraphs import LABELS, Paragraph, Span, paragraph
from undeliverable.data import names
from undeliverable.verdict import Explanation

__all__ = ["add_language_option", "headline_style", "in_paragraphs", "language_of", "machinery"]

_VARIABLE: Final = "UNDELIVERABLE_LANG"
_DEFAULT: Final = "en"
_LINE: Final = re.compile(rf"( {{{LABELS}}}|  \S.{{{LABELS - 4}}} )(.*)")
"""A line of the machinery: its label or the indent of a further line, and its text."""


def add_language_option(parser: ArgumentParser) -> None:
    """Declare `--lang`."""
    parser.add_argument(
        "--lang",
        choices=_languages(),
        help=f"the language of the explanation (default: the variable {_VARIABLE}, else {_DEFAULT})",
    )


def language_of(options: Namespace) -> str:
    """Return the language of explanations.

    :raises UsageError: for an unknown one in the environment.
    """
    lang = options.lang or os.environ.get(_VARIABLE, "").lower() or _DEFAULT
    if lang not in _languages():
        raise UsageError(f"{_VARIABLE}: unknown language {lang!r}; expected one of {', '.join(_languages())}")
    return str(lang)


def in_paragraphs(explanation: Explanation, style: str = "bold") -> Iterator[Paragraph]:
    """Yield an explanation; its headline is in the style of the verdict."""
    yield paragraph(explanation.headline, style, hang=2)
    for line in explanation.lines:
        spans = tuple(Span(text, "mark" if marked else "") for text, marked in line.pieces)
        yield Paragraph(spans, line.label, "caution" if line.topic == "caution" else "label")


def headline_style(verdict: Verdict) -> str:
    """Return the style of a verdict's headline, which is that of its bounce type."""
    return "good" if verdict.bounce_type is None else str(verdict.bounce_type)


def machinery(verdict: Verdict) -> Iterator[Paragraph]:
    """Yield what only authors of rules need: what a verbose explanation has below its first part."""
    _, _, text = verdict.explain(verbose=True).partition("\n\n")
    for line in text.split("\n"):
        match = _LINE.fullmatch(line)
        if match is None:
            yield paragraph(line, "dim", hang=2)
        elif match[1].strip():
            yield paragraph(match[2], label=match[1].strip())
        else:
            yield paragraph(match[2], label=" ")


def _languages() -> tuple[str, ...]:
    return tuple(name.removesuffix(".toml") for name in names("explain/"))
