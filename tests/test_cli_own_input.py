"""What is read is never what is written: it may be the only copy of somebody's mail."""

from __future__ import annotations

from pathlib import Path

import pytest

from undeliverable.cli import main

MAIL = b"From: kim@example.org\nSubject: lunch\n\nhello\n"
COMMANDS = {
    "classify": ("classify", "a.eml", "-o"),
    "report": ("report", "a.eml", "-o"),
    "summary": ("summary", "a.eml", "--save"),
    "anonymize": ("anonymize", "a.eml", "-o"),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.eml").write_bytes(MAIL)
    Path("link.eml").symlink_to("a.eml")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("name", ["a.eml", "./a.eml", "link.eml"])
def test_what_is_read_is_not_replaced(command: tuple[str, ...], name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, name]) == 2
    assert "a.eml, which is read; name another" in capsys.readouterr().err
    assert Path("a.eml").read_bytes() == MAIL


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_another_file_is_replaced(command: tuple[str, ...]) -> None:
    Path("b").write_text("old", encoding="ascii")
    main([*command, "b"])
    assert Path("b").read_text(encoding="utf-8") != "old"
    assert not [path for path in Path().iterdir() if path.name not in {"a.eml", "b", "link.eml"}]


def test_the_name_of_a_file_forges_no_message(capsys: pytest.CaptureFixture[str]) -> None:
    Path("x\nundeliverable: all is well.zip").write_bytes(b"PK\x03\x04 no archive")
    main(["classify", "."])
    assert not any(line.startswith("undeliverable: all") for line in capsys.readouterr().err.splitlines())


@pytest.mark.parametrize("command", ["classify", "explain", "report", "summary", "anonymize"])
def test_a_file_that_cannot_be_read_is_seen_in_the_status(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("torn.eml.gz").write_bytes(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xcb")
    output = ["-o", "out.html"] if command == "report" else []
    assert main([command, "a.eml", "torn.eml.gz", *output]) == 1
    assert "torn.eml.gz" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["explain", "anonymize"])
def test_skipped_files_are_counted_and_named(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("paper.pdf").write_bytes(b"%PDF-1.7\n")
    main([command, "."])
    assert "1 file skipped, no mail; -v names it" in capsys.readouterr().err
    main([command, ".", "-v"])
    said = capsys.readouterr().err
    assert "paper.pdf: " in said
    assert "1 file skipped, no mail\n" in said
