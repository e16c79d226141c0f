"""Two runs in Parquet, compared: the same as judging twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.test_arrow import FIXTURES
from undeliverable import Knowledge, parse
from undeliverable.cli import _moves, _parquet, main
from undeliverable.cli._writers import Form

pa = pytest.importorskip("pyarrow", reason="needs the extra `arrow`")

from undeliverable import arrow  # noqa: E402

POLICY = '[[policy]]\nid = "soft"\nwhen = { reason = "user_unknown" }\nthen = { bounce_type = "soft" }\n'
MAILS = FIXTURES[:400]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "ours.toml").write_text(POLICY, encoding="utf-8")
    (folder / "mail").mkdir()
    for number, raw in enumerate(MAILS):
        (folder / "mail" / f"{number:03}.eml").write_bytes(raw)
    for name, knowledge in (("old", Knowledge.builtin()), ("new", Knowledge.builtin().with_file(folder / "ours.toml"))):
        output = _parquet.Results(str(folder / name))
        for path in sorted((folder / "mail").iterdir()):
            report = parse(path.read_bytes(), source=str(path), knowledge=knowledge)
            output.put(Form.of("parquet").rows(report, report.verdicts))
        output.close()
    return {path.name: str(path) for path in folder.iterdir()}


def run(capsys: pytest.CaptureFixture[str], *words: str, action: str = "compare") -> tuple[int, str, str]:
    status = main(["rules", action, *words])
    out, err = capsys.readouterr()
    return status, out, err


def test_what_is_compared_stands_in_two_places_and_is_the_same() -> None:
    assert arrow.COMPARED == _moves.COMPARED


def test_two_runs_move_as_two_tables_do(places: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    judged = run(capsys, "builtin", places["ours.toml"], places["mail"], action="diff")
    assert run(capsys, places["old"], places["new"]) == judged
    assert judged[0] == 1
    status, out, _ = run(capsys, "--format", "json", places["old"], places["new"])
    _, wanted, _ = run(capsys, "--format", "json", "builtin", places["ours.toml"], places["mail"], action="diff")
    named = {"old": places["old"], "new": places["new"]}
    assert (status, json.loads(out)) == (1, json.loads(wanted) | named)
    assert run(capsys, places["new"], places["new"])[0] == 0


def test_runs_of_engines_have_other_names_and_types(
    places: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pyarrow.parquet as pq

    batch = pa.table({"id": pa.array(map(str, range(100)), pa.large_string()), "raw": MAILS[:100]})
    old, new = tmp_path / "old.parquet", tmp_path / "new.parquet"
    pq.write_table(arrow.read(batch, dictionary=False), old)
    found = arrow.read(batch, rules=places["ours.toml"])
    pq.write_table(found.rename_columns(["id", *found.schema.names[1:]]), new)
    status, out, err = run(capsys, str(old), str(new))
    assert (status, "soft user_unknown" in out, "verdicts move" in err) == (1, True, True)
    assert run(capsys, "--on", "id,verdict", str(old), str(new))[:2] == (status, out)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{old}", "{mail}/none"], "no such folder or file of verdicts; rules are compared by rules diff"),
        (["builtin", "strict-rfc"], "builtin: no such folder or file of verdicts"),
        (["{old}", "{mail}/000.eml"], "000.eml: no verdicts in Parquet"),
        (["{old}", "{other}"], "--on: both runs need a column source or id"),
        (["--on", "source,no", "{old}", "{new}"], "no column no"),
        (["--on", "kind,verdict", "{old}", "{new}"], "must be unique"),
    ],
)
def test_what_cannot_be_compared_is_said(
    words: list[str], said: str, places: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pyarrow.parquet as pq

    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"x": [1]}), other)
    known: dict[str, Any] = {**places, "other": str(other)}
    status, _, err = run(capsys, *(word.format(**known) for word in words))
    assert (status, said in err) == (2, True), err
