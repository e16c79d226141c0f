"""Draft rules for replies that no words decided."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from undeliverable._knowledge.loader import FILE, load
from undeliverable._knowledge.toml import TomlSource
from undeliverable.errors import KnowledgeError
from undeliverable.knowledge import Knowledge
from undeliverable.reasons import Reason
from undeliverable.rule_files._clusters import Cluster, Clusters, Phrase
from undeliverable.rule_files._toml import comment, listed, quoted
from undeliverable.verdict import Verdict

__all__ = ["Drafts", "draft_rules"]

_MOST_PHRASES: Final = 3
_MOST_WORDS: Final = 8  # of a phrase
_HEAD: Final = """\
# Drafts of rules for replies that were judged by a bare code, or not at all.
#
# Each keeps the reason that the code gives today, so that this file changes nothing until you edit it: put in the reason
# that the words give, delete what is not worth a rule, then: undeliverable rules check THIS-FILE
"""


@dataclass(frozen=True, slots=True)
class Drafts:
    """A rule file of drafts.

    :ivar toml: the text of the file; it can be loaded as it is.
    :ivar rules: the number of drafts in it.
    :ivar verdicts: the number of failures that were looked at.
    :ivar unknown: how many of them no words decided.
    :ivar covered: how many of these a draft is for.
    """

    toml: str
    rules: int
    verdicts: int
    unknown: int
    covered: int


def draft_rules(verdicts: Iterable[Verdict], knowledge: Knowledge, *, least: int = 2, most: int = 50) -> Drafts:
    """Return drafts of rules for the replies that no words decided.

    :param verdicts: verdicts made with `knowledge`; those without a failure or a reply count for nothing.
    :param least: leave out clusters of fewer replies.
    :param most: the number of drafts to make at most, for the largest clusters.
    """
    by_code = frozenset(rule.id for rule in knowledge.rules if not rule.when.asks_words)
    clusters, total, unknown = Clusters(), 0, 0
    for verdict in verdicts:
        if verdict.bounce_type is None or not verdict.reply:
            continue
        total += 1
        if verdict.rule is None or verdict.rule.id in by_code:
            unknown += 1
            clusters.add(verdict.reply, str(verdict.reason or Reason.UNDEFINED))
    chosen = [cluster for cluster in clusters.found() if cluster.number >= least][:most]
    # The drafts with most words come first: what they fit may fit another one as well.
    chosen.sort(key=lambda cluster: -sum(map(len, _phrases_of(cluster))))
    drafts, text = _loadable([_Draft(cluster) for cluster in chosen])
    return Drafts(text, len(drafts), total, unknown, sum(draft.number for draft in drafts))


class _Draft:
    """One rule in the making."""

    def __init__(self, cluster: Cluster) -> None:
        self.number = cluster.number
        self.phrases = [" ".join(phrase) for phrase in _phrases_of(cluster)]
        self.examples = cluster.examples
        self.code = _code(cluster.codes)
        self.reason = Counter({kind.reason: kind.number for kind in cluster.kinds}).most_common(1)[0][0]
        self.id = ""

    def toml(self) -> str:
        """Return the rule as it is written."""
        reply = f"reply = {quoted(self.code)}, " if self.code else ""
        number = "1 reply" if self.number == 1 else f"{self.number:,} replies"
        return "\n".join(
            (
                comment(f"{number}, judged as {self.reason} by the code alone"),
                "[[rule]]",
                f"id = {quoted(self.id)}",
                f"when = {{ {reply}words = [{', '.join(map(quoted, self.phrases))}] }}",
                f"then = {{ reason = {quoted(self.reason)} }}",
                f"examples = {listed(self.examples)}",
            )
        )


def _phrases_of(cluster: Cluster) -> list[Phrase]:
    """Return the longest phrases that all replies of a cluster have, in their order."""
    ranked = sorted(dict.fromkeys(cluster.phrases), key=lambda phrase: (-len(phrase), -len(" ".join(phrase))))
    longest = [phrase for phrase in ranked if len(phrase) > 1][:_MOST_PHRASES] or ranked[:1]
    return [phrase[:_MOST_WORDS] for phrase in sorted(longest, key=cluster.phrases.index)]


def _code(codes: frozenset[str]) -> str | None:
    """Return the condition for the codes of a cluster, which are of one class."""
    if len(codes) == 1:
        return next(iter(codes)) or None
    return f"{min(codes)[0]}xx"


def _loadable(drafts: Sequence[_Draft]) -> tuple[Sequence[_Draft], str]:
    """Return the drafts that can be used together, and the file with them: each wins its examples."""
    kept = [*drafts]
    while True:
        _name(kept)
        text = "\n".join((_HEAD, *(f"{draft.toml()}\n" for draft in kept)))
        source = TomlSource("drafts.toml", text)
        try:
            load("file:drafts.toml", FILE, source, source.parse())
        except KnowledgeError as error:
            kept = [draft for draft in kept if draft.id != error.entry]
        else:
            return kept, text.rstrip() + "\n"


def _name(drafts: Sequence[_Draft]) -> None:
    """Give each draft an id made of its words."""
    used: Counter[str] = Counter()
    for draft in drafts:
        words = re.sub(r"[^\w]+", "-", draft.phrases[0]).strip("-")[:40].rstrip("-")
        used[words] += 1
        draft.id = f"draft.{words}" + (f".{used[words]}" if used[words] > 1 else "")
