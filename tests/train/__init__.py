"""Train the second opinion: ``python -m tests.train`` writes ``data/opinion.toml`` and the table in ``docs/explanation/confidence.md``.

A multinomial logistic regression over the signs of replies (:mod:`undeliverable._rules.opinion`), learned from what stands
in the repository: the labelled replies and the fixtures of replies, and the examples of rules. It needs scikit-learn,
which the library itself does not. It is trained anew for a release, or after the words of concepts have changed much.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from undeliverable import Knowledge, Verdict, classify
from undeliverable._knowledge.common import shipped as _shipped
from undeliverable._rules.comparisons import ABSENT, status_key
from undeliverable._rules.opinion import Signs, Weights
from undeliverable._rules.visible import visible
from undeliverable._verdicts.decisions import masked
from undeliverable.reasons import Reason

__all__ = ["COMMAND", "DATA", "ROOT", "Sample", "fit", "labelled", "samples", "written"]

COMMAND: Final = "python -m tests.train"
ROOT: Final = Path(__file__).resolve().parents[2]
DATA: Final = ROOT / "src" / "undeliverable" / "data" / "opinion.toml"
_FIXTURES: Final = ROOT / "fixtures"
_STRENGTH: Final = 0.5  # the inverse of the penalty on large weights; chosen by leaving out sources
_RARE: Final = 2  # in how many replies a sign has to stand
_RARE_WORD: Final = 15
_WORD: Final = re.compile(r"'[^\W\d_]{3,}")
_IGNORED: Final = (
    "and any are been but can for from had has have her him his its may not one our the that this was were will with you"
    " your com example kim lee net news org"
)
"""Words that say nothing by themselves, and the names that fixtures use: they would only tell one source from another."""
_TENTHS: Final = 10


class Sample(NamedTuple):
    """A reply whose reason is known.

    :ivar verdict: what the rules make of it, without a second opinion.
    :ivar text: what rules see of it.
    :ivar signs: what speaks in it; None where it names no concept.
    :ivar reasons: the reason, and others that are right as well.
    :ivar types: the right bounce types; empty where nobody labelled them.
    :ivar group: the source or the language, which is left out as a whole.
    """

    reply: str
    verdict: Verdict
    text: str
    signs: Sequence[str] | None
    reason: str
    reasons: Collection[str]
    types: Collection[str]
    group: str
    host: str | None
    command: str | None

    def judge(self, knowledge: Knowledge) -> Verdict:
        """Return the verdict of `knowledge` on the reply."""
        return classify(self.reply, host=self.host, command=self.command, knowledge=knowledge)


def samples() -> list[Sample]:
    """Return all replies to learn from."""
    lines = (_FIXTURES / "replies.txt").read_text(encoding="utf-8").splitlines()
    known = [line.partition("\t") for line in lines if line and not line.startswith("#")]
    examples = [(example, str(rule.reason)) for rule in Knowledge.builtin().rules for example in rule.all_examples]
    return [
        *labelled(),
        *(_sample(text, reason, group="fixtures") for reason, _, text in known),
        *(_sample(text, reason, group="examples") for text, reason in examples),
    ]


def labelled(path: Path = _FIXTURES / "labelled.jsonl") -> list[Sample]:
    """Return the labelled replies of a file."""
    return [*_labelled(path)]


def _labelled(path: Path) -> Iterator[Sample]:
    for line in path.read_text(encoding="utf-8").splitlines():
        row: dict[str, Any] = json.loads(line)
        if row.get("kind") or not row.get("reason"):
            continue  # a sentence of a notice
        # Most replies in other languages are one program's, translated: what is left out is the language.
        group = row["source"] if row["language"] == "en" else row["language"]
        yield _sample(
            row["text"],
            row["reason"],
            group=group,
            reasons=row.get("accept_reasons") or (),
            types=(row["bounce_type"], *(row.get("accept_types") or ())),
            host=row.get("host"),
            command=row.get("command"),
        )


def _sample(
    reply: str,
    reason: str,
    *,
    group: str,
    reasons: Sequence[str] = (),
    types: Sequence[str] = (),
    host: str | None = None,
    command: str | None = None,
) -> Sample:
    verdict = classify(reply, host=host, command=command, knowledge=Knowledge.builtin().without_opinion())
    code = verdict.reply_code or ABSENT
    text = visible(masked(verdict.reply or "", verdict.recipient), code)
    found = Signs(_shipped()).of(text, code, status_key(verdict.status), verdict.command)
    return Sample(
        reply,
        verdict,
        text,
        None if found is None else sorted(found),
        reason,
        {reason, *reasons},
        {*types},
        group,
        host,
        command,
    )


def fit(known: Sequence[Sample]) -> Weights:
    """Return the weights that explain the reasons of these replies best.

    :raises ModuleNotFoundError: without scikit-learn.
    """
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    known = [sample for sample in known if sample.signs is not None]
    times = Counter(sign for sample in known for sign in sample.signs or ())
    kept = {sign for sign, count in times.items() if count >= (_RARE_WORD if sign[0] == "'" else _RARE)}
    words = {sign for sign in kept if sign[0] == "'"}
    kept -= {word for word in words if not _WORD.fullmatch(word)} | {f"'{word}" for word in _IGNORED.split()}
    vectors = DictVectorizer()
    rows = vectors.fit_transform([dict.fromkeys(kept.intersection(sample.signs or ()), 1.0) for sample in known])
    model = LogisticRegression(C=_STRENGTH, max_iter=1_000)
    model.fit(rows, [sample.reason for sample in known])
    by_sign = zip(*(map(_tenths, row) for row in model.coef_.tolist()), strict=True)
    learned = {sign: [*row] for sign, row in zip(vectors.feature_names_, by_sign, strict=True) if any(row)}
    return Weights(
        tuple(Reason[name.upper()] for name in model.classes_), [*map(_tenths, model.intercept_.tolist())], learned
    )


def _tenths(weight: float) -> int:
    return round(weight * _TENTHS)


def written(weights: Weights) -> str:
    """Return the text of ``data/opinion.toml``."""
    return "\n".join(
        (
            f"# Written by `{COMMAND}`: how many tenths each sign of a reply speaks for each reason. See docs/explanation/confidence.md.",
            f"reasons = {json.dumps([*map(str, weights.reasons)])}",
            f"base = {_row(weights.base)}",
            "",
            "[signs]",
            *(f"{json.dumps(sign, ensure_ascii=False)} = {_row(row)}" for sign, row in sorted(weights.signs.items())),
            "",
        )
    )


def _row(numbers: Sequence[int]) -> str:
    return f"[{','.join(map(str, numbers))}]"
