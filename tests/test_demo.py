"""`undeliverable demo`: an install alone leads to a result."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from undeliverable import Kind, data, parse
from undeliverable.cli import demo, main

REPOSITORY: Final = Path(__file__).parent.parent
# What each sample is there to show.
SHOWN: Final = {
    "unknown-user": [("hard", "user_unknown", "suppress")],
    "japanese": [("hard", "user_unknown", "suppress")],
    "two-recipients": [("hard", "domain_unknown", "suppress"), ("soft", "mailbox_full", "retry")],
    "mailbox-full": [("soft", "mailbox_full", "retry")],
    "authentication": [("soft", "auth_failed", "fix_sender")],
    "blocklist": [("soft", "blocklisted", "fix_sender")],
    "delay": [("soft", "network_error", "none")],
    "auto-reply": [(None, None, "none")],
    "complaint": [(None, None, "suppress")],
}
KINDS: Final = {"delay": Kind.DELAY, "auto-reply": Kind.AUTO_REPLY, "complaint": Kind.COMPLAINT}


@pytest.mark.parametrize("name", demo.SAMPLES)
def test_a_sample_shows_what_it_is_there_for(name: str) -> None:
    report = parse(data.read(f"samples/{name}.eml").encode())
    assert report.kind is KINDS.get(name, Kind.BOUNCE)
    assert [(one.bounce_type, one.reason, one.advice) for one in report.verdicts] == SHOWN[name]


def test_every_sample_is_shown() -> None:
    assert {f"{name}.eml" for name in demo.SAMPLES} == {path.name for path in Path(data.place("samples")).iterdir()}
    assert set(SHOWN) == set(demo.SAMPLES)


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 100, 200])
def test_it_fits_the_terminal_and_a_page(
    columns: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["demo", "--quiet"]) == 0
    table = capfd.readouterr().out.splitlines()[2:]
    assert len(table) == 11
    assert max(map(len, table)) <= columns
    assert main(["demo"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) <= 20
    assert max(map(len, lines)) <= 80


def test_without_a_terminal_it_takes_eighty_columns(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert main(["demo"]) == 0
    assert "unknown-user.eml" in capfd.readouterr().out


def test_saved_samples_can_be_classified(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "my samples"
    assert main(["demo", "--save", str(folder)]) == 0
    said = capfd.readouterr().out
    assert f"undeliverable classify '{folder}'\n" in said
    assert main(["classify", "--format", "jsonl", str(folder)]) == 0
    assert len(capfd.readouterr().out.splitlines()) == len(demo.SAMPLES)
    assert main(["demo", "--save", str(folder)]) == 0, "the same files again"


def test_a_file_of_somebody_elses_is_not_overwritten(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "delay.eml").write_text("mine", encoding="utf-8")
    assert main(["demo", "--save", str(tmp_path)]) == 1
    assert "delay.eml: there is another file of this name; give a new folder" in capfd.readouterr().err
    assert (tmp_path / "delay.eml").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["demo", "--save", str(tmp_path / "file" / "below")]) == 1
    assert capfd.readouterr().err.startswith(f"undeliverable: {tmp_path}/file/below: Not a directory")


def test_the_command_of_the_next_step_runs(tmp_path: Path) -> None:
    """What the output tells to type next is typed next, without rich, in a folder of its own."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "src")}
    code = "import sys; sys.modules['rich'] = None; from undeliverable.cli import main; sys.exit(main())"

    def run(*words: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    commands = [
        line.partition("#")[0].split()[1:] for line in run("demo").splitlines() if line.startswith("  undeliverable ")
    ]
    assert commands[0] == ["demo", "--save", "samples"]
    for command in commands:
        if "~/Maildir" not in command:
            assert run(*command)


def test_it_runs_from_a_zip_file_without_any_other_package(tmp_path: Path) -> None:
    """As where nothing but the wheel is installed, and that without its dependencies."""
    package = REPOSITORY / "src" / "undeliverable"
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", "index.jsonl*")
    shutil.copytree(package, tmp_path / "sources" / "undeliverable", ignore=ignored)
    archive = shutil.make_archive(str(tmp_path / "undeliverable"), "zip", tmp_path / "sources")
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from undeliverable.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, archive, "demo"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) <= 20
    assert max(map(len, lines)) <= 80
    assert "japanese.eml" in done.stdout
