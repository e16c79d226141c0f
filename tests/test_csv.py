"""CSV is read strictly: a bad row is named, and costs no other one."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable.cli import main
from undeliverable.files import CsvRows, Row
from undeliverable.store import read_import


def rows(text: str) -> tuple[list[list[str]], list[str]]:
    table = CsvRows(io.StringIO(text, newline=""))
    return [row.cells for row in table], table.faults


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        ("", [], []),
        ("a,b\n", [["a", "b"]], []),
        ("a,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]], []),
        ("a,b\r1,2\r", [["a", "b"], ["1", "2"]], []),
        ("a,b\n\n , \n,\n1,2", [["a", "b"], [" ", " "], ["1", "2"]], []),
        ('a,b\n"1, ""x""\r\ny",2\n3,4\n', [["a", "b"], ['1, "x"\r\ny', "2"], ["3", "4"]], []),
        ("a,b\n1\n1,2,3\n1,2\n", [["a", "b"], ["1", "2"]], ["line 2: 1 cell instead of 2", "line 3: 3 cells instead of 2"]),
        ('a,b\n"1,2\n3,4\n', [["a", "b"], ["3", "4"]], ["line 2: a quote is not closed"]),
        ('a,b\n"1,2\n3,4\n"5",6\n', [["a", "b"], ["3", "4"], ["5", "6"]], ["line 2: a quote is not closed"]),
        ('a,b\n"1","2\n"3","4"\n', [["a", "b"], ["3", "4"]], ["line 2: a quote is not closed"]),
        ('a,b\n1,"2', [["a", "b"]], ["line 2: a quote is not closed"]),
        ('a,b\n"1"x,2\n3,4\n', [["a", "b"], ["3", "4"]], ["line 2: ',' expected after '\"'"]),
        ('a,b\n1"x,2\n', [["a", "b"], ['1"x', "2"]], []),
        ("a,b\n" + "x" * 200_000 + ",1\n3,4\n", [["a", "b"], ["3", "4"]], ["line 2: field larger than field limit (131072)"]),
        ('kim@example.org\n"lee, l"@example.org\n', [["kim@example.org"], ['"lee, l"@example.org']], []),
        ('email\n"lee@example.org"\n', [["email"], ["lee@example.org"]], []),
        ('email\n"lee@example.org\nmax@example.org\n', [["email"], ["max@example.org"]], ["line 2: a quote is not closed"]),
    ],
)  # fmt: skip
def test_what_is_a_row(text: str, good: list[list[str]], bad: list[str]) -> None:
    assert rows(text) == (good, bad)


def test_places_are_those_of_the_file() -> None:
    table = CsvRows(["a,b\n", '"1\n', '2",3\n', "4\n", "5,6\n"], number=7)
    assert list(table) == [Row(7, 7, ["a", "b"]), Row(8, 9, ["1\n2", "3"]), Row(11, 11, ["5", "6"])]
    assert (table.bad, table.faults) == (1, ["line 10: 1 cell instead of 2"])


def test_rows_of_any_width_where_these_are_wanted() -> None:
    table = CsvRows(["a,b\n", "1\n", '"2,\n', "3,4,5\n"], ragged=True)
    assert [row.cells for row in table] == [["a", "b"], ["1"], ["3", "4", "5"]]
    assert table.faults == ["line 3: a quote is not closed"]


def test_only_the_first_bad_rows_are_named() -> None:
    table = CsvRows(["a,b\n", *["1\n"] * 30])
    assert len(list(table)) == 1
    assert (table.bad, len(table.faults)) == (30, 10)


cells = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=8))
def test_what_the_standard_library_writes_is_read(table: list[list[str]]) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(table)
    assert rows(buffer.getvalue()) == (table, [])


@given(st.lists(st.text(st.sampled_from('a",\n')), max_size=12), st.integers(0, 12))
def test_damage_costs_no_row_without_a_quote(lines: list[str], place: int) -> None:
    """Whatever stands between them, rows without any quote near them are kept; all others are rows or said."""
    whole = [f"u{number},hard\n" for number in range(300)]
    text = "".join([*whole[:150], *(line.rstrip("\n") + "\n" for line in lines), *whole[150:]])
    good, _ = rows(text)
    assert good[:150] == [[f"u{number}", "hard"] for number in range(150)]
    assert good[-40:] == [[f"u{number}", "hard"] for number in range(260, 300)]


# --- one open quote in a thousand rows, in every reader of CSV ----------------------------------------------------------


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    lines = ["email,reason", *(f"u{number}@example.org,hard" for number in range(1_000))]
    lines[10] = f'"{lines[10]}'
    path = tmp_path / "damaged.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


FAULT = "damaged.csv: 1 bad row left out: line 11: a quote is not closed"


def test_an_import_names_the_row(damaged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sqlalchemy")
    assert main(["suppressions", "import", str(damaged), str(tmp_path / "list.db")]) == 1
    err = capsys.readouterr().err
    assert FAULT in err
    assert "1,000 rows; 999 new events" in err
    assert "usable address" not in err


def test_a_filter_names_the_row(damaged: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    pytest.importorskip("sqlalchemy")
    known = str(tmp_path / "list.db")
    assert main(["suppressions", "add", "u500@example.org", known]) == 0
    assert main(["suppressions", "filter", "--column", "email", str(damaged), known]) == 1
    out, err = capsysbinary.readouterr()
    assert out.count(b",hard\n") == 998
    assert b"u9@" not in out
    assert FAULT.encode() in err
    damaged.write_text("email,reason\nu1@example.org,hard\n")
    assert main(["suppressions", "filter", "--column", "email", str(damaged), known]) == 0


def test_rows_that_are_both_damaged_and_without_an_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sqlalchemy")
    path = tmp_path / "damaged.csv"
    path.write_text("email,reason\nkim@example.org,hard\nnobody,hard\n1,2,3\n")
    assert main(["suppressions", "import", str(path), str(tmp_path / "list.db")]) == 1
    err = capsys.readouterr().err
    assert "1 rows without a usable address were skipped, the first of them 2" in err
    assert "damaged.csv: 1 bad row left out: line 4: 3 cells instead of 2" in err


def test_an_import_counts_rows_wherever_they_stand() -> None:
    source = read_import(io.BytesIO(b'\n\nemail,created\n"x,1\nkim@example.org,1\n1,2,3\n'))
    assert [address for address, _ in source] == ["kim@example.org"]
    assert (source.rows, source.bad, source.skips) == (3, 2, 2)
    assert source.faults == ["line 4: a quote is not closed", "line 6: 3 cells instead of 2"]
    source = read_import(io.BytesIO(b'"\n'))
    assert not list(source)
    assert source.bad == 1
