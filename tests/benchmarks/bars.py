"""The bars: what is asked of speed, which figure answers, and whether it holds.

A figure that this run did not measure is said to be missing, with what measures it; a bar is never taken for held because
nobody looked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

Corpora = Mapping[str, Mapping[str, float]]


class Bar(NamedTuple):
    """One bar.

    :ivar what: what is asked, in words.
    :ivar least: the least that holds it; below, the most.
    :ivar figure: returns the figure, or raises KeyError where it was not measured.
    :ivar by: what measures it.
    """

    what: str
    least: float | None
    most: float | None
    figure: Callable[[Corpora], float]
    by: str = "parse --mails FOLDER"


def _ratio(corpus: str, of: str, to: str) -> Callable[[Corpora], float]:
    return lambda found: found[corpus][of] / found[corpus][to]


def _known(corpus: str, name: str) -> Callable[[Corpora], float]:
    return lambda found: found[corpus][name]


_PACE: Final = 288
"""Microseconds that `email` took for a message of mta-postfix on the machine that bars in units of time were set on."""


def _at_pace(name: str) -> Callable[[Corpora], float]:
    """Return what gives a time as it would be at the pace of that machine."""
    return lambda found: found[_OWN][name] * _PACE / found["mta-postfix"]["email"]


_COMPILED: Final = "parse --compiled PYTHON --mails FOLDER"
_COUNTED: Final = "parse --reference SRC --count NAME --mails FOLDER"
_POSTFIX: Final = "parse --mails mta-postfix"
_MISSING: Final = "-"
_OWN: Final = "own"
"""Where figures stand that no corpus has."""

BARS: Final = (
    Bar("pure, instructions, first = 1: mta-postfix", None, 1.08, _ratio("mta-postfix", "instructions pure", "instructions first"), _COUNTED),
    Bar("pure, instructions, first = 1: mta-qmail (text)", None, 1.15, _ratio("mta-qmail", "instructions pure", "instructions first"), _COUNTED),
    Bar("compiled, times email: mta-postfix", 3.7, None, _ratio("mta-postfix", "email", "compiled"), _COMPILED),
    Bar("compiled, times email: mta-exim", 2.8, None, _ratio("mta-exim", "email", "compiled"), _COMPILED),
    Bar("compiled, times email: mta-sendmail", 2.2, None, _ratio("mta-sendmail", "email", "compiled"), _COMPILED),
    Bar("compiled, times email: sisimai", 1.25, None, _ratio("sisimai", "email", "compiled"), _COMPILED),
    Bar("compiled, times email: mta-postfix, 30 KB returned", 5, None, _ratio("mta-postfix, 30 KB returned", "email", "compiled"), _COMPILED),
    Bar("compiled, times Sisimai Go: mta-postfix", 3.3, None, _ratio("mta-postfix", "Sisimai Go", "compiled"), f"{_COMPILED} --sisimai-go FOLDER"),
    Bar("compiled, times Sisimai Perl: mta-postfix", 6, None, _ratio("mta-postfix", "Sisimai Perl", "compiled"), _COMPILED),
    *(Bar(f"pure, times Sisimai Go: {name}", least, None, _ratio(name, "Sisimai Go", "pure"), "parse --sisimai-go FOLDER --mails FOLDER")
      for name, least in (("mta-postfix", 1.0), ("mta-exim", 1.0), ("mta-sendmail", 1.0), ("sisimai", 1.0), ("mta-qmail", 0.9))),
    *(Bar(f"pure, times Sisimai Perl: {name}", 1.0, None, _ratio(name, "Sisimai Perl", "pure"))
      for name in ("mta-postfix", "mta-exim", "mta-sendmail", "sisimai", "mta-qmail")),
    Bar("record and encoding as JSON, share of parse", None, 0.10, _ratio(_OWN, "json", "undeliverable"), "parse"),
    Bar(f"pickled and back, us a message at {_PACE} us for email", None, 10, _at_pace("pickle"), _POSTFIX),
    Bar("classify, distinct replies, first = 1", None, 2, _known(_OWN, "classify/first"), "classify --reference SRC"),
    Bar("classify, rules alone, first = 1", None, 1.5, _known(_OWN, "classify/rules alone"), "classify --reference SRC"),
    Bar("classify, compiled, replies in the time of a message by email", 20, None,
        lambda found: found[_OWN]["classify/compiled"] * found["mta-postfix"]["email"] / 1e6, f"classify {_COMPILED}"),
    Bar("classify, 5,000 rules, 500 = 1", None, 1.1, _known(_OWN, "classify/rules"), "classify"),
    Bar(f"import, ms at {_PACE} us for email", None, 30, _at_pace("start/import"), f"start {_POSTFIX}"),
    Bar(f"one cold report, ms at {_PACE} us for email", None, 80, _at_pace("start/report"), f"start {_POSTFIX}"),
    Bar(f"--help, ms at {_PACE} us for email", None, 65, _at_pace("start/help"), f"start {_POSTFIX}"),
    Bar("--jobs 2, share of two cores", 0.9, None, _known(_OWN, "jobs/wall"), "jobs, with MAILBOX_MB=100"),
    Bar("--jobs 2, MB of the largest process", None, 40, _known(_OWN, "jobs/memory"), "jobs, with MAILBOX_MB=1000"),
    Bar("memory of one mail, times its size, worst shape", None, 3, _known(_OWN, "scale/memory"), "scale"),
    Bar("growth, exponent of the worst shape", None, 1.1, _known(_OWN, "scale/exponent"), "scale"),
    Bar("Spark, share of the bare function", 0.9, None, _known(_OWN, "scale-out/spark"), "scale-out"),
    Bar("DuckDB, share of the bare function", 0.95, None, _known(_OWN, "scale-out/duckdb"), "scale-out"),
    Bar("Polars, share of the bare function", 0.95, None, _known(_OWN, "scale-out/polars"), "scale-out"),
)  # fmt: skip


class Answer(NamedTuple):
    """A bar and what was measured."""

    what: str
    bar: str
    figure: str
    holds: str

    @property
    def is_measured(self) -> bool:
        """True if this run has a figure for the bar."""
        return self.figure != _MISSING


def answers(found: Corpora) -> Iterator[Answer]:
    """Each bar with its figure, and whether it holds; where nothing was measured, with what measures it."""
    for bar in BARS:
        asked = f">= {bar.least:,g}" if bar.least is not None else f"<= {bar.most:,g}"
        try:
            figure = bar.figure(found)
        except KeyError:
            yield Answer(bar.what, asked, _MISSING, f"not measured: {bar.by}")
            continue
        holds = figure >= bar.least if bar.least is not None else figure <= (bar.most or 0)
        yield Answer(bar.what, asked, f"{figure:,.2f}" if figure < 1000 else f"{figure:,.0f}", "yes" if holds else "no")
