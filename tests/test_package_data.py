"""The package's data are found wherever the package is imported from: a folder, a wheel, a zip file, a zipapp."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipapp
import zipfile
from pathlib import Path
from typing import Final

import pytest

import undeliverable
from tests.generate import ROOT
from undeliverable import data
from undeliverable._knowledge.build import build
from undeliverable.data import KNOWLEDGE, names, place, read

PACKAGE: Final = Path(undeliverable.__file__).parent
NO_INDEX: Final = shutil.ignore_patterns("__pycache__", "*.pyc", "index.jsonl*")
FIXTURE: Final = ROOT / "fixtures" / "bounces" / "exim-mixed.eml"
EVERYTHING: Final = """\
import sys
sys.path.insert(0, sys.argv[1])
from datetime import UTC, datetime
from pathlib import Path

import undeliverable
from undeliverable import Knowledge, classify, parse
from undeliverable.check import Marker, canary_domains
from undeliverable.recommend import mailbox_domains
from undeliverable.report import Collector, render
from undeliverable.store._formats import FORMATS, formats
from undeliverable.store._identity import AddressIdentity
from undeliverable.suppression import Policy

assert undeliverable.__file__.startswith(sys.argv[1]), undeliverable.__file__
assert classify("550 5.1.1 no such user").reason == "user_unknown"
assert parse(Path(sys.argv[2]).read_bytes()).message.generator == "exim"
strict = Knowledge.builtin().with_profile("strict-rfc")
assert classify("550 5.7.1 Spam", knowledge=strict).bounce_type == "hard"
assert "mailman3" in Policy.names()
assert Policy.builtin("mailman3").name == "mailman3"
assert {one.name for one in formats()} == set(FORMATS) > {"mailgun"}
assert "gmail.com" in mailbox_domains()
assert "gmail.com" in canary_domains()
assert Marker().disposable and Marker().marks_of("postmaster", "example.org") == ("role",)
assert AddressIdentity(without_dots=True).of("k.im@googlemail.com") == "kim@gmail.com"
assert "uPlot" in render(Collector().summary(), made=datetime(2026, 11, 1, tzinfo=UTC))
print("_knowledge.checkout" in " ".join(sys.modules))
"""


def run(*arguments: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel that was built from a source distribution of this checkout, an old index lying around in it."""
    folder = tmp_path_factory.mktemp("release")
    checkout = folder / "checkout"
    shutil.copytree(ROOT / "src", checkout / "src", ignore=NO_INDEX)
    shutil.copytree(ROOT / ".ci", checkout / ".ci")
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, checkout / name)
    (checkout / "src" / "undeliverable" / "data" / "index.jsonl").write_text("old", encoding="ascii")
    run("-m", "hatchling", "build", "-t", "sdist", "-d", folder, cwd=checkout)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    run("-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=unpacked)
    (built,) = folder.glob("*.whl")
    return built


def test_a_wheel_has_all_files_and_its_own_index(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        found = {name for name in opened.namelist() if name.startswith("undeliverable/")}
        index = opened.read("undeliverable/data/released.jsonl").decode("ascii")
    files = (path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix != ".pyc")
    expected = {
        path.relative_to(PACKAGE.parent).as_posix() for path in files if not path.name.startswith("index.jsonl")
    }
    assert found == expected | {"undeliverable/data/released.jsonl"}
    assert index == build()


def test_a_wheel_can_be_used_as_it_is(wheel: Path, tmp_path: Path) -> None:
    assert run("-c", EVERYTHING, wheel, FIXTURE, cwd=tmp_path) == "False\n", "its index needs no look at the files"


def test_a_zip_file_of_the_sources_can_be_used(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "sources" / "undeliverable", ignore=NO_INDEX)
    archive = shutil.make_archive(str(tmp_path / "undeliverable"), "zip", tmp_path / "sources")
    assert run("-c", EVERYTHING, archive, FIXTURE, cwd=tmp_path) == "True\n"


@pytest.fixture(scope="module")
def app(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command as one file."""
    folder = tmp_path_factory.mktemp("app")
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(folder / "unpacked")
    zipapp.create_archive(folder / "unpacked", folder / "undeliverable.pyz", main="undeliverable.cli:main")
    return folder / "undeliverable.pyz"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("explain", "550 5.1.1 no such user", "--command", "rcpt"), "the mailbox does not exist"),
        (("explain", "-v", "550 5.7.1 Spam", "--profile", "strict-rfc"), "strict-rfc"),
        (("classify", "--format", "jsonl", str(FIXTURE)), '"exim"'),
        (("rules", "show", "general.x.1.1"), "general.toml"),
        (("report", "--output", "report.html", str(FIXTURE)), ""),
    ],
)
def test_a_zipapp_runs_the_command(arguments: tuple[str, ...], shown: str, app: Path, tmp_path: Path) -> None:
    assert shown in run(app, *arguments, cwd=tmp_path)


@pytest.mark.parametrize("folder", [*KNOWLEDGE, "profiles", "suppression", "imports", "addresses"])
def test_a_folder_is_listed_without_a_file_system(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = names(folder)
    assert list(listed) == sorted(path.name for path in (PACKAGE / "data" / folder).glob("*.toml"))
    monkeypatch.setattr(data, "_HERE", "nowhere")
    assert names(folder) == listed


def test_a_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read("general.toml") == Path(place("general.toml")).read_text(encoding="utf-8")
    with pytest.raises(OSError, match="nosuch"):
        read("nosuch.toml")
    monkeypatch.setattr(data, "_HERE", str(tmp_path))
    (tmp_path / "dos.toml").write_bytes("a = 'ö'\r\n".encode())
    assert read("dos.toml") == "a = 'ö'\n"
