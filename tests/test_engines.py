"""The programs of the documentation, run as they stand: each engine gives the same rows, compared by their key."""

from __future__ import annotations

import runpy
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from tests import spark
from tests.test_arrow import FIXTURES
from undeliverable import classify

pa = pytest.importorskip("pyarrow", reason="needs the extra `arrow`")

from undeliverable import arrow  # noqa: E402

PROGRAMS: Final = Path(__file__).resolve().parent.parent / "docs" / "examples" / "engines"
REPLIES: Final = (
    ("550 5.1.1 no such user", None, "rcpt"),
    ("552 5.2.2 mailbox full", "mx.example.org", None),
    (None, None, None),
)

Rows = dict[tuple[str, int], dict[str, Any]]


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Parquet: two files of messages, with a null among them."""
    import pyarrow.parquet as pq

    folder = tmp_path_factory.mktemp("mail")
    table = pa.table(
        {
            "id": [str(number) for number in range(len(FIXTURES))] + ["none"],
            "received": pa.array([None] * (len(FIXTURES) + 1), pa.timestamp("us", tz="UTC")),
            "raw": [*FIXTURES, None],
        }
    )
    pq.write_table(table.slice(0, 500), folder / "part-0.parquet", row_group_size=100)
    pq.write_table(table.slice(500), folder / "part-1.parquet")
    return folder


@pytest.fixture(scope="module")
def wanted(mail: Path) -> Rows:
    import pyarrow.parquet as pq

    return keyed(arrow.read(pq.read_table(mail), dictionary=False))


def keyed(table: Any) -> Rows:
    rows = table.drop_columns([name for name in table.schema.names if name == "received"]).to_pylist()
    found = {(row["id"], row["verdict"]): in_utc(row) for row in rows}
    assert len(found) == len(rows)
    return found


def in_utc(value: Any) -> Any:
    """Return a value with its times in UTC: Spark writes them without a zone."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, dict):
        return {key: in_utc(one) for key, one in value.items()}
    return [in_utc(one) for one in value] if isinstance(value, list) else value


def read_back(path: Path) -> Rows:
    import pyarrow.parquet as pq

    return keyed(pq.read_table(path))


def run(program: str, *arguments: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [program, *map(str, arguments)])
    runpy.run_path(str(PROGRAMS / program), run_name="__main__")


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
def test_an_engine_gives_the_same_rows(
    engine: str,
    mail: Path,
    wanted: Rows,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip(engine)
    run(f"{engine}_bounces.py", mail, tmp_path / "verdicts.parquet", monkeypatch=monkeypatch)
    assert read_back(tmp_path / "verdicts.parquet") == wanted
    assert "suppressed" in capfd.readouterr().out


def test_a_frame_of_polars_and_a_relation_of_duckdb_are_read_as_tables(mail: Path, wanted: Rows) -> None:
    polars, duckdb = pytest.importorskip("polars"), pytest.importorskip("duckdb")
    frame = polars.read_parquet(mail / "*.parquet")
    assert keyed(arrow.read(frame.to_arrow(), dictionary=False)) == wanted
    relation = duckdb.read_parquet(str(mail / "*.parquet"))
    assert keyed(arrow.read(relation.to_arrow_table(), dictionary=False)) == wanted


# --- Spark --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    why = spark.missing()
    if why is not None:
        pytest.skip(why)
    return spark.library(tmp_path_factory.mktemp("packed") / "deps.zip")


def test_spark_gives_the_same_rows_from_a_zip(packed: Path, mail: Path, wanted: Rows, tmp_path: Path) -> None:
    spark.submit(PROGRAMS / "spark_bounces.py", str(mail), str(tmp_path / "verdicts"), packed=packed, folder=tmp_path)
    assert read_back(tmp_path / "verdicts") == wanted


def test_a_worker_that_is_killed_costs_no_row(packed: Path, mail: Path, wanted: Rows, tmp_path: Path) -> None:
    program = Path(__file__).resolve().parent / "spark_killed.py"
    places = [str(mail), str(tmp_path / "verdicts"), str(tmp_path / "mark")]
    spark.submit(program, *places, packed=packed, folder=tmp_path)
    assert (tmp_path / "mark").exists(), "no worker was killed"
    assert read_back(tmp_path / "verdicts") == wanted


def test_spark_asks_for_replies_in_sql(packed: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    (tmp_path / "replies").mkdir()
    names = ("reply", "host", "command")
    columns = {
        name: pa.array(values, pa.string()) for name, values in zip(names, zip(*REPLIES, strict=True), strict=True)
    }
    pq.write_table(pa.table(columns), tmp_path / "replies" / "part-0.parquet")
    shown = spark.submit(PROGRAMS / "spark_replies.py", str(tmp_path / "replies"), packed=packed, folder=tmp_path)
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in shown.splitlines() if line.startswith("|")
    ]
    verdicts = [classify(reply, host=host, command=command) for reply, host, command in REPLIES if reply]
    assert rows[1:] == [
        ["NULL", "NULL", "1"],
        *sorted([str(one.reason), str(one.bounce_type), "1"] for one in verdicts),
    ]
