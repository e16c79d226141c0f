"""The sentences that explain verdicts, in one language: data/explain/LANGUAGE.toml.

Another language is one more file with the same keys. A file is read when the first explanation in its language is asked
for, and kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from undeliverable.data import names, read
from undeliverable.reasons import Advice, Reason

__all__ = ["DEFAULT", "Sentences", "languages", "sentences"]

DEFAULT: Final = "en"
_FOLDER: Final = "explain/"
_STEPS: Final = ((86_400, 129_600, "day"), (3_600, 5_400, "hour"), (60, 60, "minute"))
"""Seconds of a unit, from how many seconds on it is used for any number of them, and its name."""
_PASSING: Final = frozenset(("passing", "delayed", "expired"))
"""What happened where the cause may pass."""
_OCTETS: Final = ((1_048_576, "MB"), (1_024, "kB"))


def languages() -> tuple[str, ...]:
    """Return the languages that explanations are written in, as their codes."""
    return tuple(name.removesuffix(".toml") for name in names(_FOLDER))


@lru_cache(maxsize=16)
def sentences(lang: str) -> Sentences:
    """Return the sentences of a language.

    :raises ValueError: for an unknown language; the message names the known ones.
    """
    import tomllib  # a verdict that nobody wants explained does without

    known = languages()
    if lang not in known:
        raise ValueError(f"unknown language {lang!r}; expected one of {', '.join(known)}")
    return Sentences(tomllib.loads(read(f"{_FOLDER}{lang}.toml")))


class Sentences:
    """The sentences of one language, found by what they are about."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def get(self, table: str, key: str, **values: str) -> str:
        """Return a sentence of a table, filled in."""
        text: str = self._document[table][key]
        return text.format_map(values) if values else text

    def label(self, topic: str) -> str:
        """Return the label of a topic."""
        return self.get("labels", topic)

    def kind(self, kind: str, key: str, who: str | None) -> str:
        """Return what happened (``happened``) or what to do (``next``) after a report of a kind."""
        text: str = self._document["kind"][kind][key]
        return self._filled(text, who)

    def happened(self, key: str, who: str | None, reason: Reason | None = None) -> str:
        """Return the sentence that says what happened to the mail for `who`; None: somebody who is not named."""
        cause = ""
        if reason is not None:
            table = self._document["reason"][reason]
            cause = table.get("passing", table["cause"]) if key in _PASSING else table["cause"]
        return self._filled(self.get("happened", key), who, cause=cause)

    def fault(self, reason: Reason) -> str:
        """Return whose fault a reason is."""
        own: str | None = self._document["reason"][reason].get("fault")
        return own or self.get("fault", reason.fault)

    def advice(self, reason: Reason | None, advice: Advice, wait: int | None) -> str:
        """Return what to do: the sentence of the reason, or one that fits any reason."""
        table = self._document["advice"] if reason is None else self._document["reason"][reason]
        text: str = table.get(advice) or self.get("advice", advice)
        return text.format_map({"wait": self.wait(wait)})

    def wait(self, seconds: int | None) -> str:
        """Return in how much time to try again."""
        if not seconds:
            return str(self._document["wait"])
        for length, least, unit in _STEPS:
            if seconds >= least or (seconds >= length and seconds % length == 0):
                number = round(seconds / length)
                return self.get("time", unit if number == 1 else f"{unit}s", number=str(number))
        return self.get("time", "seconds", number=str(seconds))

    def detail(self, name: str, value: str | int) -> str:
        """Return the sentence for a detail of a reply: a word, which is written as people know it, or a number of octets."""
        if isinstance(value, str):
            return self.get("detail", name, value=value)
        length, unit = next((step for step in _OCTETS if value >= step[0]), (1, "bytes"))
        return self.get("detail", name, value=f"{value / length:.4g} {unit}")

    def date(self, moment: datetime) -> str:
        """Return a date and time as the language writes it."""
        months: list[str] = self._document["time"]["months"]
        return " ".join(
            self.get(
                "time",
                "date",
                day=str(moment.day),
                month=months[moment.month - 1],
                year=str(moment.year),
                time=f"{moment:%H:%M}",
                zone=moment.tzname() or "",
            ).split()
        )

    def named(self, who: str | None) -> str:
        """Return how sentences call the recipient."""
        return str(self._document["who"]) if who is None else who

    def _filled(self, text: str, who: str | None, **values: str) -> str:
        filled = text.format_map({"who": self.named(who), **values})
        return filled if who is not None else filled[:1].upper() + filled[1:]
