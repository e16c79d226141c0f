"""Type checkers see every public name with its type, those that are imported late included."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import undeliverable

HERE: Final = Path(__file__).resolve().parent
NAMES: Final = HERE / "typed_names.py"
CHECKERS: Final = {"mypy": ["-m", "mypy", "--strict"], "pyright": ["-m", "pyright", "--level", "error"]}


def checked(checker: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run a type checker from the top of the repository."""
    if importlib.util.find_spec(checker) is None:
        pytest.skip(f"needs {checker}")
    command = [sys.executable, *CHECKERS[checker], str(path)]
    return subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=False, timeout=900)


@pytest.mark.parametrize("checker", CHECKERS)
def test_public_names_have_their_types(checker: str) -> None:
    done = checked(checker, NAMES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_type_would_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(
        "from typing import assert_type\nimport undeliverable\n"
        "for report in undeliverable.read('x'):\n    for verdict in report:\n        assert_type(verdict, str)\n"
    )
    done = checked("mypy", path)
    assert done.returncode == 1
    assert 'Expression is of type "Verdict", not "str"' in done.stdout


def test_every_function_is_in_the_page_of_types() -> None:
    text = NAMES.read_text(encoding="utf-8")
    functions = {
        name
        for name in undeliverable.__all__
        if callable(value := getattr(undeliverable, name)) and not isinstance(value, type)
    }
    own = {
        "address_identity",
        "bare_address",
        "is_same_address",
        "find_reply_code",
        "find_status",
        "registered",
    }  # plain values in and out
    assert {name for name in functions - own if f"{name}(" not in text} == set()


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(undeliverable.__file__).parent / "py.typed").exists()
