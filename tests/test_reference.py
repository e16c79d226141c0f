"""The reference of the documentation is whole: every public name and every command has its place.

The pages are filled while Sphinx builds them, which takes minutes: here the text that they are filled with is looked at, and one
page is built. ``python -m tests.inventory`` looks at the whole built documentation.
"""

from __future__ import annotations

import inspect
import re
import sys
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from tests.inventory import names_in, public_names
from undeliverable.cli._exit import STATUSES
from undeliverable.cli._main import COMMANDS

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
REFERENCE: Final = DOCS / "reference"
PROMISED: Final = [
    "codes",
    "errors",
    "knowledge",
    "logs",
    "mail",
    "model",
    "reasons",
    "smtp",
    "verdict",
    "verp",
    "envelope",
    "tags",
    "rates",
    "recommend",
    "suppression",
    "store",
    "check",
    "report",
    "serve",
    "serve.http",
    "serve.server",
    "serve.records",
    "webhook_auth",
    "webhooks",
    "cli",
]
"""Modules that stay importable under these names."""


@pytest.fixture(scope="module")
def api() -> Any:
    return extension("api")


@pytest.fixture(scope="module")
def commands() -> Any:
    return extension("commands")


def extension(name: str) -> ModuleType:
    sys.path.insert(0, str(DOCS / "_extensions"))
    try:
        return import_module(name)
    finally:
        sys.path.pop(0)


def test_every_public_module_has_a_page(api: Any) -> None:
    modules = api.public_modules()
    assert {f"undeliverable.{name}" for name in PROMISED} <= set(modules)
    marks = {
        match
        for path in (REFERENCE / "api").glob("*.md")
        for match in re.findall(r"^%API ([\w.]+)%$", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert marks == set(modules)


def test_every_public_name_is_described_once(api: Any) -> None:
    for module in api.public_modules():
        text = api.page(module)
        for name in import_module(module).__all__:
            home = api.home_of(module, name)
            if home != f"{module}.{name}":
                assert f"`{name} <{home}>`" in text
            else:
                assert re.search(rf"^\.\. \S+:: (?:{re.escape(module)}\.)?{name}$", text, re.MULTILINE), (module, name)


def test_every_public_name_has_a_docstring(api: Any) -> None:
    """Functions and classes with all that can be called or read of them, and constants: 100 %."""
    bare = set()
    for module in api.public_modules():
        for name in import_module(module).__all__:
            thing = getattr(import_module(module), name)
            if inspect.isclass(thing):
                bare |= {f"{module}.{name}.{one}" for one in without_text(thing)}
            text = (
                inspect.getdoc(thing)
                if inspect.isroutine(thing) or inspect.isclass(thing)
                else api.constant(module, name)[0]
            )
            if not text and name != "__version__":
                bare.add(f"{module}.{name}")
    assert bare == set()


def without_text(thing: type) -> list[str]:
    return [
        name
        for name, member in vars(thing).items()
        if not name.startswith("_")
        and (inspect.isroutine(member) or isinstance(member, (property, classmethod, staticmethod)))
        and not inspect.getdoc(getattr(thing, name))
    ]


def test_the_inventory_is_asked_for_every_name(api: Any) -> None:
    assert {
        f"{module}.{name}" for module in api.public_modules() for name in import_module(module).__all__
    } == public_names()


def test_a_page_can_be_built(tmp_path: Path) -> None:
    """A module and a command on one page, with nothing unresolved."""
    from sphinx.application import Sphinx

    source, html = tmp_path / "docs", tmp_path / "html"
    source.mkdir()
    (source / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(DOCS / '_extensions')!r})\n"
        "extensions = ['myst_parser', 'sphinx.ext.autodoc', 'api', 'commands']\n"
        "myst_enable_extensions = ['deflist']\nnitpicky = True\n"
    )
    (source / "index.md").write_text(
        "# A module\n\n%API undeliverable.envelope%\n\n# A command\n\n%COMMAND explain%\n\n%STATUSES%\n"
    )
    problems = StringIO()
    app = Sphinx(str(source), str(source), str(html), str(tmp_path / "trees"), "html", status=None, warning=problems)
    app.build()
    assert problems.getvalue() == ""
    names = names_in((html / "objects.inv").read_bytes())
    assert {"undeliverable.envelope.Rewritten", "undeliverable.envelope.unwrap"} <= names
    page = (html / "index.html").read_text(encoding="utf-8")
    assert 'href="https://docs.python.org/3/library/functions.html#str"' in page
    assert 'href="#undeliverable.envelope.Rewritten"' in page


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("datetime.datetime", "datetime.html#datetime.datetime"),
        ("collections.abc.Iterable", "collections.abc.html#collections.abc.Iterable"),
        ("ValueError", "exceptions.html#ValueError"),
        ("None", "constants.html#None"),
        ("pigeon.Post", None),
    ],
)
def test_names_of_the_standard_library(name: str, address: str | None, api: Any) -> None:
    assert api.standard(name) == (None if address is None else api.STANDARD + address)


def test_every_command_has_a_page(commands: Any) -> None:
    marks = {
        path.stem: re.findall(r"^%COMMAND (\w+)%$", path.read_text(encoding="utf-8"), re.MULTILINE)
        for path in (REFERENCE / "commands").glob("*.md")
    }
    assert marks == {"index": [], **{name: [name] for name in COMMANDS}}


def test_a_command_is_described_with_every_option(commands: Any) -> None:
    for name in COMMANDS:
        text = commands.page(name)
        assert "```text\nundeliverable " in text
        assert "Examples\n" in text
    assert "`--require-proof " in commands.page("classify")
    assert "## undeliverable suppressions filter" in commands.page("suppressions")


def test_the_statuses_are_those_of_the_commands(commands: Any) -> None:
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", commands.statuses(), re.MULTILINE)] == list(STATUSES)
    assert set(re.findall(r"\[`(\w+)`\]", commands.commands())) == set(COMMANDS)
