"""The page on accuracy shows what its command measures."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests import accuracy
from tests.accuracy import PAGE, filled_in, tables
from tests.accuracy.__main__ import main
from tests.accuracy.measures import MAILS, ORDINARY, REPLIES, Mail, Mails, of_mails, of_ordinary
from tests.accuracy.programs import Answer, Program, flufl_bounce, sisimai, undeliverable


@cache
def measured() -> dict[str, list[str]]:
    return tables([undeliverable(), flufl_bounce()])


def test_the_page_shows_what_is_measured() -> None:
    page = without_version(PAGE.read_text(encoding="utf-8"))
    assert without_version(filled_in(page, measured())) == page, f"run {accuracy.COMMAND} --write"


def without_version(page: str) -> str:
    return re.sub(r"(?<=flufl\.bounce) \d[\d.]*", "", page)


def test_nobody_is_called_dead_in_mail_in_which_nothing_failed() -> None:
    ours = [row.split("|")[-2].strip() for row in measured()["ordinary"] if "| undeliverable |" in row]
    assert ours == ["0"] * len(ORDINARY)


def test_no_set_is_empty() -> None:
    assert all(mails.mails for mails in (*MAILS, *ORDINARY))
    assert all(replies.rows for replies in REPLIES)


def test_what_real_servers_wrote_is_a_set_of_its_own() -> None:
    real, shaped, _ = MAILS
    assert {"postfix-mixed.eml", "exim-mixed.eml"} <= {mail.path.name for mail in real.mails}
    assert "odd-gmail-ja.eml" in {mail.path.name for mail in shaped.mails}


A: Final = Mail(
    Path("a"),
    frozenset({"kim@example.org", "lee@example.org"}),
    {"kim@example.org": ["hard"], "lee@example.org": ["soft"]},
)
B: Final = Mail(Path("b"), frozenset({"max@example.org"}), {"max@example.org": ["soft", "undetermined"]})


def program(*answers: Answer) -> Program:
    return Program("other 1.0", lambda paths: answers)


def test_what_counts_as_right() -> None:
    sets = [Mails("some", "", [A, B])]
    whole = program(Answer(A.recipients, frozenset({"kim@example.org"})), Answer(B.recipients, frozenset()))
    assert [*of_mails([whole], sets)][-1] == "| some | 2 | other 1.0 | 100.0 % | 0 | 100.0 % |"
    half = program(Answer(frozenset({"kim@example.org"})), Answer(B.recipients | {"you@example.org"}))
    assert [*of_mails([half], sets)][-1] == "| some | 2 | other 1.0 | 0.0 % | 1 | - |"
    wrong = program(Answer(A.recipients, A.recipients), Answer(B.recipients, B.recipients))
    assert [*of_mails([wrong], sets)][-1] == "| some | 2 | other 1.0 | 100.0 % | 0 | 33.3 % |"
    assert [*of_ordinary([wrong], sets)][-1] == "| some | 2 | other 1.0 | 2 |"
    assert [*of_ordinary([program(Answer(), Answer())], sets)][-1] == "| some | 2 | other 1.0 | 0 |"


PAGE_OF_TWO: Final = """\
# Page

<!-- measured: some -->

| set | n | program | right |
|---|---:|---|---:|
| one | 2 | this | 1 |
| one | 2 | other 1.0 | 2 |
| two | 3 | this | 1 |
| two | 3 | other 1.0 | 2 |

<!-- end -->
rest
"""


def test_rows_of_programs_that_are_not_installed_stay() -> None:
    new = ["| set | n | program | right |", "|---|---:|---|---:|", "| one | 2 | this | 9 |", "| two | 3 | this | 8 |"]
    page = filled_in(PAGE_OF_TWO, {"some": new})
    assert page == PAGE_OF_TWO.replace("| one | 2 | this | 1 |", new[2]).replace("| two | 3 | this | 1 |", new[3])
    other = [*new[:3], "| one | 2 | other 2.0 | 7 |", new[3]]
    assert "other 1.0 | 2 |\n| two" not in filled_in(PAGE_OF_TWO, {"some": other})


def test_a_page_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for the table 'more'"):
        filled_in(PAGE_OF_TWO, {"more": []})


def test_sisimai_is_asked_where_it_is_installed() -> None:
    found = sisimai()
    if found is None:
        pytest.skip("needs Sisimai: apt-get install libsisimai-perl")
    assert found.name.startswith("Sisimai ")
    real = next(mail for mail in MAILS[0].mails if mail.path.name == "postfix-mixed.eml")
    assert [answer.failed for answer in found.ask([real.path])] == [real.recipients]


def test_without_perl_it_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert sisimai() is None


def test_the_command_prints_and_writes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.accuracy.__main__.tables", measured)
    path = tmp_path / "accuracy.md"
    path.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr("tests.accuracy.__main__.PAGE", path)
    assert main([]) == 0
    assert measured()["replies"][0] in capsys.readouterr().out
    assert main(["--write"]) == 0
    assert without_version(path.read_text(encoding="utf-8")) == without_version(PAGE.read_text(encoding="utf-8"))
