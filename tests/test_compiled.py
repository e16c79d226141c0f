"""The compiled build: that it is one where it has to be, says the same as the pure one, and what decides which is built."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

import undeliverable
from tests import same_verdicts
from undeliverable import Knowledge, parse

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGE: Final = Path(undeliverable.__file__).parent
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COMPILED: Final[dict[str, list[str]]] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"][
    "compiled"
]
NAMES: Final = sorted(f"{package}.{name}" for package, names in COMPILED.items() for name in names)
_FREE: Final = {"ordinary", "mypyc_attr(allow_interpreted_subclasses=True)"}
MAILS: Final = sorted((ROOT / "fixtures" / "bounces").glob("*.eml"))


def is_compiled(module: ModuleType) -> bool:
    return not (module.__file__ or "").endswith((".py", ".pyc"))


def test_the_build_is_the_one_that_is_to_be_tested() -> None:
    assert undeliverable.compiled == ("UNDELIVERABLE_EXPECT_COMPILED" in os.environ)


@pytest.mark.parametrize("name", NAMES)
def test_a_module_of_the_list_is_compiled_or_none_is(name: str) -> None:
    assert is_compiled(importlib.import_module(f"undeliverable.{name}")) == undeliverable.compiled


def test_the_list_is_in_order_and_names_each_module_once() -> None:
    for names in COMPILED.values():
        assert names == sorted(set(names))
    assert all(PACKAGE.joinpath(*name.split(".")).with_suffix(".py").exists() for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_no_class_of_a_compiled_module_keeps_values_by_cached_property(name: str) -> None:
    """mypyc takes it for a property: the value would be found anew each time, and patterns compiled for each mail."""
    tree = ast.parse(PACKAGE.joinpath(*name.split(".")).with_suffix(".py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            decorators = [
                ast.unparse(one)
                for part in node.body
                if isinstance(part, ast.FunctionDef)
                for one in part.decorator_list
            ]
            assert "cached_property" not in decorators, node.name


def classes_in(path: Path) -> list[ast.ClassDef]:
    return [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ClassDef)]


def test_no_interpreted_class_derives_from_a_compiled_one() -> None:
    """mypyc refuses it, when the class is made: a reader would fail on the first message that needs it."""
    compiled = {PACKAGE.joinpath(*name.split(".")).with_suffix(".py") for name in NAMES}
    extension_types = {
        node.name
        for path in compiled
        for node in classes_in(path)
        if _FREE.isdisjoint(map(ast.unparse, node.decorator_list))
        and {"NamedTuple", "StrEnum", "Protocol"}.isdisjoint(map(ast.unparse, node.bases))
    }
    core = (path for package in COMPILED for path in (PACKAGE / package).glob("*.py") if path not in compiled)
    derived = {
        (path.name, node.name)
        for path in core
        for node in classes_in(path)
        if extension_types & {base.id for base in node.bases if isinstance(base, ast.Name)}
    }
    assert derived == set()


@pytest.mark.skipif(not MAILS, reason="no fixtures here")
def test_no_pattern_is_compiled_for_a_warm_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    for path in MAILS:
        parse(path.read_bytes()).to_dict()
    compiled: list[object] = []

    def counted(work: Callable[..., object]) -> Callable[..., object]:
        def call(pattern: object, flags: object) -> object:
            compiled.append(pattern)
            return work(pattern, flags)

        return call

    monkeypatch.setattr(re, "_compile", counted(re._compile))  # type: ignore[attr-defined]
    Knowledge.builtin().clear_cache()
    for path in MAILS:
        parse(path.read_bytes()).to_dict()
    # flufl.bounce and the standard library's charset code are no part of this
    assert [pattern for pattern in compiled if isinstance(pattern, str | bytes)] == []


def test_records_of_two_interpreters_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mail = tmp_path / "mails" / "one.eml"
    mail.parent.mkdir()
    mail.write_bytes(b"Subject: hello\n\nNothing of the kind.\n")
    (mail.parent / "replies.txt").write_text("user_unknown\t550 5.1.1 no such user\n", encoding="utf-8")
    (mail.parent / "some.log").write_text("nothing\n", encoding="utf-8")
    assert same_verdicts.main([sys.executable, str(mail.parent), "--mutations", "3"]) == 0
    assert "5 records" in capsys.readouterr().out


def test_a_difference_is_shown(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("a\nb\n", encoding="ascii")
    other.write_text("a\nc\nd\n", encoding="ascii")
    assert list(same_verdicts.differences(one, other)) == [("b\n", "c\n"), (None, "d\n")]


class TestChecks:
    """The script that builds and tests the compiled wheel, as far as it goes without doing so."""

    @pytest.fixture
    def script(self) -> Callable[..., subprocess.CompletedProcess[str]]:
        path, bash = ROOT / ".ci" / "compiled", shutil.which("bash")
        if bash is None or not path.exists():
            pytest.skip("needs bash and .ci/compiled")

        def script(*words: str) -> subprocess.CompletedProcess[str]:
            environment = os.environ | {"CC": "no-such-compiler"}
            return subprocess.run(
                [bash, path, *words], env=environment, capture_output=True, text=True, check=False, timeout=60
            )

        return script

    def test_without_a_compiler_it_says_so_and_is_content(self, script: Callable[..., Any]) -> None:
        done = script()
        assert (done.returncode, done.stderr) == (0, "")
        assert "neither built nor tested: no C compiler here (no-such-compiler)" in done.stdout

    def test_too_many_words_are_refused(self, script: Callable[..., Any]) -> None:
        done = script("one", "two")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "usage: .ci/compiled [FOLDER]\n"


class TestHook:
    """The build hook, loaded as hatchling loads it."""

    @pytest.fixture
    def hook(self) -> ModuleType:
        pytest.importorskip("hatchling")
        path = ROOT / ".ci" / "hatch_build.py"
        if not path.exists():
            pytest.skip("no build hook here")
        spec = importlib.util.spec_from_file_location("hatch_build", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    @pytest.mark.parametrize(("value", "expected"), [(None, False), ("", False), ("0", False), ("1", True)])
    def test_the_wheel_is_pure_unless_it_is_asked_for(
        self, hook: Any, value: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("UNDELIVERABLE_COMPILE", raising=False)
        if value is not None:
            monkeypatch.setenv("UNDELIVERABLE_COMPILE", value)
        assert hook.is_compiled() is expected

    def test_another_value_is_refused(self, hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UNDELIVERABLE_COMPILE", "yes")
        with pytest.raises(ValueError, match="unknown value 'yes'; expected 1"):
            hook.is_compiled()

    def test_all_modules_of_the_list_are_found(self, hook: Any) -> None:
        found = hook.modules(ROOT / "src", COMPILED)
        assert [path.stem for path in found] == [name for names in COMPILED.values() for name in names]

    def test_a_name_that_is_no_module_is_refused(self, hook: Any) -> None:
        with pytest.raises(ValueError, match=r"no such module: .*nothing"):
            hook.modules(ROOT / "src", {"_text": ["nothing"]})


class TestWorkflow:
    def test_wheels_are_built_for_each_python_that_is_supported(self) -> None:
        pythons = {
            entry.rpartition(" ")[2] for entry in PROJECT["project"]["classifiers"] if re.search(r":: 3\.\d+$", entry)
        }
        assert PROJECT["tool"]["cibuildwheel"]["build"] == [
            f"cp{python.replace('.', '')}-*" for python in sorted(pythons)
        ]
