"""Generated pages are up to date, and one command brings them there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests import generate
from tests.generate import index
from tests.generate.__main__ import main
from tests.generate.webhooks import SECRETS, SET_UP
from undeliverable import KnowledgeError
from undeliverable._knowledge import checkout
from undeliverable._knowledge.build import build
from undeliverable.data import place
from undeliverable.webhook_auth import WINDOWS
from undeliverable.webhooks import SERVICES

PAGES = generate.pages()
ONE_BY_ONE = sorted(name for name in {*PAGES, *generate.outdated()} if not name.startswith(generate.codes.FOLDER))
"""The pages of codes have a test of their own, all in one."""


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_every_page_is_what_is_made(name: str) -> None:
    path = generate.ROOT / name
    made = PAGES.get(name)
    assert made is not None, f"nothing makes {name}: run {generate.COMMAND}"
    assert path.exists(), f"{name} is missing: run {generate.COMMAND}"
    assert path.read_text(encoding="utf-8") == made, f"{name} is out of date: run {generate.COMMAND}"


@pytest.mark.parametrize("name", [name for name in ONE_BY_ONE if name.endswith(".md")])
def test_every_page_says_what_writes_it(name: str) -> None:
    title, _, note, *_ = PAGES[name].splitlines()
    assert title.startswith("# ")
    assert note.startswith("*This page is made from ")
    assert note.endswith(f": `{generate.COMMAND}` writes it.*")


def test_git_ignores_the_index() -> None:
    """Two branches that both add a rule would otherwise conflict in it."""
    assert f"{index.NAME}*" in (generate.ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


@pytest.mark.skipif(not (generate.ROOT / ".git").exists() or shutil.which("git") is None, reason="not in git")
def test_the_index_is_not_in_git() -> None:
    tracked = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "src/undeliverable/data"],
        cwd=generate.ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert "src/undeliverable/data/general.toml" in tracked
    assert not [name for name in tracked if name.endswith(".jsonl")]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The pages as they should be, and a place for the index."""
    for name, text in PAGES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(index, "INDEX", str(tmp_path / "index.jsonl"))
    return tmp_path


def test_the_command_writes_what_is_out_of_date(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    formats, extra = (
        elsewhere / "docs" / "reference" / "formats.md",
        elsewhere / "docs" / "howto" / "webhooks" / "gone.md",
    )
    right = formats.read_text(encoding="utf-8")
    formats.write_text("old", encoding="utf-8")
    (elsewhere / "docs" / "reference" / "profiles.md").unlink()
    extra.write_text("old", encoding="utf-8")
    names = ["docs/reference/formats.md", "docs/reference/profiles.md", "docs/howto/webhooks/gone.md"]
    assert main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [f"{name}: out of date" for name in names]
    assert formats.read_text(encoding="utf-8") == "old"
    assert main([]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{name}: written" for name in (*names, index.NAME)]
    assert formats.read_text(encoding="utf-8") == right
    assert not extra.exists()
    assert (elsewhere / "index.jsonl").read_text(encoding="ascii") == f"{checkout.digest()}\n{build()}"
    assert main(["--check"]) == 0
    assert main([]) == 0
    assert not capsys.readouterr().out


def test_a_stale_index_is_no_stale_page(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The hook that checks the pages must not fail because a rule was edited."""
    assert not index.is_current()
    assert main(["--check"]) == 0
    assert not (elsewhere / "index.jsonl").exists()
    assert main([]) == 0
    assert capsys.readouterr().out == f"{index.NAME}: written\n"


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_an_error_in_a_data_file_is_one_message(
    arguments: list[str], elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> dict[str, str]:
        raise KnowledgeError("exim.toml", "must be a string", entry="exim", key="title", line=3, column=1)

    monkeypatch.setattr(generate, "MAKERS", (refuse,))
    assert main(arguments) == 1
    assert capsys.readouterr() == ("", "exim.toml:3:1: entry 'exim': key 'title': must be a string\n")
    assert not (elsewhere / "index.jsonl").exists()


def test_an_index_of_other_files_is_written_anew(elsewhere: Path) -> None:
    (elsewhere / "index.jsonl").write_text("00000000\n", encoding="ascii")
    assert not index.is_current()
    index.write()
    assert index.is_current()
    assert [path.name for path in elsewhere.glob("index*")] == ["index.jsonl"]


def test_a_wheel_needs_no_other_index(elsewhere: Path) -> None:
    assert not index.is_current()
    (elsewhere / "released.jsonl").touch()
    assert index.is_current()


def test_the_index_lies_where_git_ignores_it() -> None:
    assert place(checkout.INDEX).replace("\\", "/").endswith(index.NAME)


def test_each_service_says_how_it_is_set_up() -> None:
    assert set(SET_UP) == {service.name for service in SERVICES}
    for known in SET_UP.values():
        assert set(known) == {"steps", "where", "secret"}
        assert known["steps"]
        assert known["secret"] in {*SECRETS, "none"}
    assert {name for name, known in SET_UP.items() if known["secret"] == "key"} <= {
        service.name for service in SERVICES if service.scheme is not None or service.name in WINDOWS
    }
