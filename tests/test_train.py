"""The training of the second opinion, what it learned, and how it and the rules do on the labelled replies."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.train import COMMAND, DATA, __main__, check, fit, labelled, samples, written
from tests.train.check import Judged, hards_lost, judged, knowledge_with, report, score
from undeliverable import Knowledge
from undeliverable._rules.opinion import View, Weights
from undeliverable.reasons import Reason

LEARNED: Final = Weights.of(tomllib.loads(DATA.read_text(encoding="utf-8")))
KNOWN: Final = samples()
LABELLED: Final = [sample for sample in KNOWN if sample.types]
FOUND: Final = judged(LABELLED, Knowledge.builtin())


def test_the_file_is_as_the_training_writes_it() -> None:
    text = DATA.read_text(encoding="utf-8")
    assert written(LEARNED) == text
    assert len(text.encode()) <= 100_000


def test_every_reason_is_known_and_every_sign_weighs() -> None:
    assert {*LEARNED.reasons} <= {*Reason}
    assert all(len(row) == len(LEARNED.reasons) and any(row) for row in (LEARNED.base, *LEARNED.signs.values()))


def test_every_label_is_valid() -> None:
    reasons = {str(reason) for reason in Reason}
    for sample in LABELLED:
        assert {sample.reason, *sample.reasons} <= reasons, sample.reply
        assert {"hard", "soft", "undetermined"} >= {*sample.types}, sample.reply


def share(part: list[Judged]) -> float:
    return len(part) / len(FOUND)


def test_labelled_replies_are_judged_right() -> None:
    assert share([one for one in FOUND if one.right_type(one.verdict)]) >= 0.96
    assert share([one for one in FOUND if one.right_reason(one.verdict)]) >= 0.92
    assert (
        share([one for one in FOUND if one.verdict.bounce_type == "hard" and not one.right_type(one.verdict)]) <= 0.008
    )


def test_confidence_tells_right_from_wrong() -> None:
    by_level = {level: [one for one in FOUND if one.verdict.confidence == level] for level in ("high", "medium", "low")}
    wrong = {level: [one for one in those if not one.right_type(one.verdict)] for level, those in by_level.items()}
    assert share(by_level["high"]) >= 0.5
    assert len(wrong["high"]) <= 0.015 * len(by_level["high"])
    assert len(wrong["low"]) >= 0.6 * sum(map(len, wrong.values()))


def test_the_second_opinion_mends_and_makes_nothing_hard() -> None:
    found = score(FOUND)
    assert found.mended >= 4 * found.broken
    assert (found.types_broken, found.to_hard) == (0, 0)
    assert found.types_mended > 0


def test_sentences_that_say_nothing_lose_no_hard_bounce() -> None:
    assert [*hards_lost(FOUND)] == []


def test_a_hard_bounce_that_is_lost_is_found() -> None:
    against = {"message": [99 if reason is Reason.SPAM_CONTENT else 0 for reason in LEARNED.reasons]}
    odd = knowledge_with(Weights(LEARNED.reasons, LEARNED.base, against))
    sample = next(one for one in LABELLED if one.verdict.bounce_type == "hard" and "message" not in (one.signs or ()))
    hard = sample._replace(reply="550 mailbox does not exist")
    assert [*hards_lost(judged([hard], odd))] == [f"{hard.reply} {check.TAILS[3]}"]


class TestTraining:
    """What needs scikit-learn."""

    @pytest.fixture(autouse=True)
    def _learning(self) -> None:
        pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install -e '.[dev]'")

    def test_training_again_decides_the_same(self) -> None:
        """Bytes differ with the number of threads, and a rule's new example moves a weight: decisions hardly do."""
        again = fit(KNOWN)
        differing = [
            sample.reply
            for sample in LABELLED
            if sample.signs is not None and View(again, sample.signs).top is not View(LEARNED, sample.signs).top
        ]
        assert len(differing) <= 0.02 * len(LABELLED), f"run {COMMAND}"

    def test_the_command(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        few = [sample for number, sample in enumerate(KNOWN) if number % 12 == 0]
        page, data = tmp_path / "confidence.md", tmp_path / "opinion.toml"
        page.write_text("before\n<!-- measured -->\nold\n<!-- end -->\nafter\n", encoding="utf-8")
        for name, value in (("ROOT", tmp_path), ("DATA", data), ("_PAGE", page), ("samples", lambda: few)):
            monkeypatch.setattr(__main__, name, value)
        assert __main__.main(["--check"]) == 0
        assert not data.exists()
        assert __main__.main([]) == 0
        assert capsys.readouterr().out.endswith("opinion.toml: written\nconfidence.md: written\n")
        text = page.read_text(encoding="utf-8")
        assert text.startswith("before\n<!-- measured -->\n| of the second opinion | |\n")
        assert text.endswith(" |\n<!-- end -->\nafter\n")
        assert "old" not in text
        assert Weights.of(tomllib.loads(data.read_text(encoding="utf-8"))).signs


def test_a_table_of_nothing() -> None:
    lines: Iterator[str] = report([])
    assert [*lines][-1] == "| low | 0 (0.0 %) | 0 (0.0 %) | 0 (0.0 %) |"


def test_samples_are_of_all_kinds() -> None:
    assert {"fixtures", "examples"} < {sample.group for sample in KNOWN}
    assert [sample.reply for sample in labelled()] == [sample.reply for sample in LABELLED]
