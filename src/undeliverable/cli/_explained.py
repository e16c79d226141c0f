"""Explanations on a screen: what they say first, and with `-v` the machinery behind it."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Final

from undeliverable import Verdict
from undeliverable.cli._paragraphs import LABELS, Paragraph, Span, paragraph
from undeliverable.data import names
from undeliverable.verdict import Explanation

__all__ = ["add_language_option", "headline_style", "in_paragraphs", "machinery"]

_DEFAULT: Final = "en"
_LINE: Final = re.compile(rf"( {{{LABELS}}}|  \S.{{{LABELS - 4}}} )(.*)")
"""A line of the machinery: its label or the indent of a further line, and its text."""


def add_language_option(parser: ArgumentParser) -> None:
    """Declare `--lang`."""
    languages = tuple(name.removesuffix(".toml") for name in names("explain/"))
    parser.add_argument(
        "--lang",
        choices=languages,
        default=_DEFAULT,
        help=f"the language of the explanation: {', '.join(languages)} (default: {_DEFAULT})",
    )


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
