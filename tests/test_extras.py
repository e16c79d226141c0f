"""A part whose extra is not installed names the pip command: in the library and in the command."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from undeliverable.cli import main
from undeliverable.errors import MissingExtraError, UndeliverableError, missing_extra
from undeliverable.errors._extras import EXTRAS
from undeliverable.files._parquet import ParquetMessages

ROOT: Final = Path(__file__).resolve().parent.parent


class Case(NamedTuple):
    part: str
    package: str
    code: str
    """What uses the part, or the words of a command line."""


PARTS: Final = (
    Case("undeliverable.store", "sqlalchemy", "import undeliverable.store"),
    Case("undeliverable.store (PostgreSQL)", "psycopg",
         "from undeliverable.store import SuppressionList; SuppressionList('postgresql://db.example.org/x')"),
    Case("undeliverable.arrow", "pyarrow", "import undeliverable.arrow"),
    Case("undeliverable.check", "dns", "import undeliverable.check"),
    Case("undeliverable.check", "email_validator", "import undeliverable.check"),
    Case("undeliverable.mailbox", "imapclient", "import undeliverable.mailbox.imap"),
    Case("undeliverable.mailbox (keyring)", "keyring",
         "from undeliverable.mailbox import Credentials; Credentials('keyring', 'x').secret('kim')"),
    Case("undeliverable.recommend", "rapidfuzz",
         "from undeliverable.recommend import suggest_domain; suggest_domain('exmaple.org')"),
    Case("undeliverable.serve.server", "aiosmtpd", "import undeliverable.serve.server"),
    Case("undeliverable.serve.http", "starlette", "import undeliverable.serve.http"),
    Case("undeliverable.serve.http", "uvicorn", "import undeliverable.serve._http_server"),
    Case("undeliverable.serve.http", "httptools", "import undeliverable.serve._http_server"),
)  # fmt: skip
COMMANDS: Final = (
    Case("Parquet", "pyarrow", "export x.eml -o mail"),
    Case("Parquet", "pyarrow", "classify --format parquet -o verdicts x.eml"),
    Case("Parquet", "pyarrow", "rules compare old new"),
    Case("undeliverable.store", "sqlalchemy", "suppressions list list.db"),
    Case("undeliverable.store", "sqlalchemy", "classify --into list.db x.eml"),
    Case("undeliverable.store (PostgreSQL)", "psycopg", "suppressions list postgresql://db.example.org/x"),
    Case("undeliverable.mailbox", "imapclient", "mailbox imaps://kim@imap.example.org/ --password-file x --to x.jsonl"),
    Case("undeliverable.serve.server", "aiosmtpd", "serve --lmtp 127.0.0.1:0 --domain example.org --to x.jsonl"),
    Case("undeliverable.serve.http", "starlette", "serve --http 127.0.0.1:0 --secrets x --to x.jsonl"),
    Case("undeliverable.serve.http", "uvicorn", "serve --http 127.0.0.1:0 --secrets x --to x.jsonl"),
)


def without(package: str, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a Python in which `package` cannot be imported."""
    blocked = f"import sys; sys.modules[{package!r}] = None\n{code}"
    return subprocess.run([sys.executable, "-c", blocked], cwd=folder, capture_output=True, text=True, check=False)


def command_for(part: str) -> str:
    return f"pip install 'undeliverable[{EXTRAS[part]}]'"


@pytest.mark.parametrize("case", PARTS, ids=lambda case: f"{case.part} without {case.package}")
def test_the_library_names_the_command(case: Case, tmp_path: Path) -> None:
    last = without(case.package, case.code, tmp_path).stderr.strip().splitlines()[-1]
    assert last == f"undeliverable.errors.MissingExtraError: {case.part} needs {case.package}: {command_for(case.part)}"


@pytest.mark.parametrize("case", COMMANDS, ids=lambda case: f"{case.code} without {case.package}")
def test_the_command_names_the_command(case: Case, tmp_path: Path) -> None:
    done = without(case.package, f"from undeliverable.cli import main; sys.exit(main({case.code.split()!r}))", tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"undeliverable: {case.part} needs {case.package}: {command_for(case.part)}\n"


def test_every_extra_of_the_table_exists() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(EXTRAS.values()) <= set(extras)


def test_the_error_is_one_of_the_library_and_of_imports() -> None:
    error = missing_extra(ModuleNotFoundError("no", name="sqlalchemy.engine"), "undeliverable.store")
    assert isinstance(error, MissingExtraError)
    assert isinstance(error, UndeliverableError)
    assert isinstance(error, ImportError)
    assert (error.name, error.part, error.is_temporary) == ("sqlalchemy", "undeliverable.store", False)


@pytest.mark.parametrize("name", ["undeliverable.store._gone", None])
def test_a_module_of_our_own_that_is_missing_stays_what_it_is(name: str | None) -> None:
    error = ModuleNotFoundError("no", name=name)
    assert missing_extra(error, "undeliverable.store") is error


@pytest.mark.parametrize("words", [case.code for case in COMMANDS if case.package == "pyarrow"])
def test_columns_need_pyarrow(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever was imported before in the same process."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.eml").write_bytes(b"Subject: x\n\n")
    for name in [name for name in sys.modules if name.startswith(("pyarrow", "undeliverable.arrow"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(words.split()) == 2
    assert capsys.readouterr().err == f"undeliverable: Parquet needs pyarrow: {command_for('Parquet')}\n"
    with pytest.raises(MissingExtraError, match=r"undeliverable\.arrow needs pyarrow"):
        importlib.import_module("undeliverable.arrow")
    with pytest.raises(OSError, match="Parquet needs pyarrow"):
        list(ParquetMessages("x.parquet", "raw", pytest.fail))
