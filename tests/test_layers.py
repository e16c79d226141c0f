"""Imports point down only and never form a cycle.

They are read from the syntax trees: an import inside a function and one under ``TYPE_CHECKING`` count like any other.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import undeliverable
from undeliverable import Knowledge
from undeliverable._knowledge import checkout
from undeliverable.webhooks import names

ROOT: Final = Path(undeliverable.__file__).parent
FILES: Final = sorted(ROOT.rglob("*.py"))
TOP: Final = Path(__file__).resolve().parent.parent
CONTRIBUTING: Final = TOP / ".github" / "CONTRIBUTING.md"

ORDER: Final = (
    # what everything else is made of
    "data",
    "_text",
    "errors",
    "codes",
    "reasons",
    "_mime",
    "model",
    "verdict",
    # from text to facts
    "_smtp",
    "_dsn",
    "_formats",
    # from facts to a verdict
    "_rules",
    "_knowledge",
    "knowledge",
    "_reading",
    "_verdicts",
    # the entry points
    "mail",
    "smtp",
    "logs",
    "webhooks",
    "rule_files",
    "anonymize",
    "__init__",
    # beside them
    "files",
    "envelope",
    "verp",
    "proof",
    "tags",
    "rates",
    "recommend",
    "arrow",
    "compat",
    # the outer layers
    "suppression",
    "store",
    "check",
    "summary",
    "report",
    "webhook_auth",
    "serve",
    "mailbox",
    "cli",
    "__main__",
)
"""The packages and modules of the library: each imports those before it, and none behind it."""

OUTER: Final = frozenset(ORDER[ORDER.index("__init__") + 1 :])
"""What is built on the public interface alone."""

UPWARDS: Final = frozenset((("verdict", "_verdicts.explain"), ("__init__", "files")))
"""The two exceptions, both when they are called: ``Verdict.explain()`` looks its text up, and ``read()`` reads files."""


def name_of(path: Path) -> str:
    """Return the dotted name of a module without the library's; a package is called like itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES: Final = {name_of(path): path for path in FILES}


def top(name: str) -> str:
    """Return the package that a module is in, or the module itself where it stands alone."""
    return name.partition(".")[0]


def imported(node: ast.AST) -> Iterator[str]:
    """Yield what a statement imports of the library, as names of modules or of something in them."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_of(path: Path) -> set[str]:
    """Return the modules of the library that a file imports, wherever the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for name in imported(node):
            library, _, inner = name.partition(".")
            if library != "undeliverable":
                continue
            while inner and inner not in MODULES:
                inner = inner.rpartition(".")[0]
            found.add(inner or "__init__")
    return found


GRAPH: Final = {
    name: {other for other in imports_of(path) if (name, other) not in UPWARDS} for name, path in MODULES.items()
}


def test_every_package_has_its_place() -> None:
    assert {top(name) for name in MODULES} == set(ORDER)


@pytest.mark.parametrize("name", GRAPH)
def test_a_module_imports_only_from_below(name: str) -> None:
    rank = ORDER.index(top(name)) if top(name) in ORDER else len(ORDER)
    assert {other for other in GRAPH[name] if top(other) != top(name) and ORDER.index(top(other)) >= rank} == set()


def test_nothing_is_excepted_without_need() -> None:
    assert {(name, other) for name, path in MODULES.items() for other in imports_of(path)} >= UPWARDS


def below(name: str) -> set[str]:
    """Return what a module imports, directly or not, and the module itself."""
    found: set[str] = set()
    left = [name]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += GRAPH[one]
    return found


def test_an_edit_of_any_module_that_builds_the_index_makes_it_stale() -> None:
    needed = {MODULES[name] for name in below("_knowledge.build")}
    digested = {Path(path) for path in checkout.files() if path.endswith(".py")}
    assert {str(path.relative_to(ROOT)) for path in needed - digested} == set(), "missing in checkout.py's _CODE"
    for name in checkout._CODE:
        entry = ROOT / name
        assert any(path in {entry, *entry.glob("*.py")} for path in needed), f"building the index needs no {name}"


def test_modules_form_no_cycle() -> None:
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for other in sorted(GRAPH[name]):
                visit(other, (*trail, name))
            done.add(name)

    for name in GRAPH:
        visit(name, ())
    assert done == set(GRAPH)


def named_in(path: Path, begin: str, end: str) -> list[str]:
    """Return the packages that a part of a page names, in the page's order."""
    part = path.read_text(encoding="utf-8").partition(begin)[2].partition(end)[0]
    return [name for name in re.findall(r"`(\w+)`", part) if name in ORDER]


def test_the_page_on_the_architecture_gives_the_order() -> None:
    page = TOP / "docs" / "explanation" / "architecture.md"
    assert named_in(page, "in this order:", "Imports inside functions") == list(ORDER)
    assert set(named_in(page, "| package |", "Imports point one way")) >= set(ORDER) - {"__init__", "__main__"}


@pytest.mark.skipif(not CONTRIBUTING.exists(), reason="a source distribution has no .github")
def test_the_guide_to_contributors_gives_the_order() -> None:
    names = named_in(CONTRIBUTING, "## The packages", "[Architecture]")
    assert names == [name for name in ORDER if name not in {"__init__", "__main__"}]


@pytest.mark.parametrize("name", MODULES)
def test_files_stay_small(name: str) -> None:
    if name != "codes._registry":  # a table of IANA's
        assert len(MODULES[name].read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("name", MODULES)
def test_functions_stay_small(name: str) -> None:
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = (
                node.body[ast.get_docstring(node) is not None :] or node.body
            )  # a docstring may be as long as it has to
            assert (node.end_lineno or 0) - first[0].lineno < 40, node.name


@pytest.mark.parametrize("name", MODULES)
def test_a_long_pattern_stands_on_several_lines(name: str) -> None:
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "(?" in node.value:
            assert len(node.value) <= 120 or node.end_lineno != node.lineno, node.value


def strings_of(path: Path) -> Iterator[str]:
    """Yield the strings in a module's code: neither comments nor docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value


# Providers whose names are words of a mail library, or of English.
COMMON_WORDS: Final = frozenset(("dnsbl", "exchange", "free", "greylisting", "orange", "qq", "apple", "att", "wp"))
VENDORS: Final = {provider.name for provider in Knowledge.builtin().providers} | set(names())
MAY_NAME_SERVICES: Final = frozenset(("webhooks", "webhook_auth", "serve._receiver", "cli.rules", "cli._examples"))
"""Those that read a service's requests, check its signatures or answer its handshake, and examples in help texts."""


@pytest.mark.parametrize("name", [name for name in MODULES if not {name, top(name)} & MAY_NAME_SERVICES])
def test_no_vendor_is_named_in_code(name: str) -> None:
    words = {word for text in strings_of(MODULES[name]) for word in re.findall(r"[a-z0-9_]+", text.casefold())}
    assert words & (VENDORS - COMMON_WORDS) == set()


CLOCKS: Final = frozenset(("now", "utcnow", "today", "time", "monotonic", "perf_counter"))


@pytest.mark.parametrize("name", [name for name in MODULES if top(name) not in OUTER])
def test_the_core_has_no_clock_and_no_network(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    calls = {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert calls & CLOCKS == set()
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    allowed = {"socket"} if name == "_verdicts.exceptions" else set()  # for the classes of its exceptions
    assert modules & {"time", "socket", "ssl", "select", "asyncio"} <= allowed


def opens_files(path: Path) -> bool:
    """Say whether a module calls what opens a file."""
    calls = [node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    return any(
        (isinstance(call, ast.Name) and call.id == "open")
        or (isinstance(call, ast.Attribute) and call.attr in {"open", "read_text", "read_bytes"})
        for call in calls
    )


def test_the_core_reads_no_file_but_its_data() -> None:
    assert {top(name) for name, path in MODULES.items() if top(name) not in OUTER and opens_files(path)} <= {
        "_knowledge",
        "knowledge",
    }


@pytest.mark.parametrize("name", [name for name in MODULES if top(name) in OUTER])
def test_the_outer_layers_import_the_public_api_only(name: str) -> None:
    assert {other for other in GRAPH[name] if other.startswith("_") and other != "__init__"} == set()


# The services' modules: each imports the shared parts below it, and none of the others.
SHARED: Final = (
    "webhooks._anymail",
    "webhooks._body",
    "webhooks._carriers",
    "webhooks._described",
    "webhooks._descriptions",
    "webhooks._examples",
    "webhooks._fields",
    "webhooks._paths",
    "webhooks._reports",
    "webhooks._service",
)
SERVICES: Final = sorted(name for name in MODULES if name.startswith("webhooks.") and name not in SHARED)


@pytest.mark.parametrize("name", SERVICES)
def test_services_do_not_know_each_other(name: str) -> None:
    inside = {other for other in GRAPH[name] if top(other) == "webhooks"}
    assert inside <= {"webhooks._fields", "webhooks._body", "webhooks._carriers", "webhooks._service"}
    assert GRAPH[name] - inside <= {"errors", "model", "reasons", "verdict"}
    assert len(MODULES[name].read_text(encoding="utf-8").splitlines()) <= 200


@pytest.mark.parametrize("name", SHARED)
def test_the_shared_parts_of_webhooks_know_no_service(name: str) -> None:
    assert GRAPH[name].isdisjoint(SERVICES)


@pytest.mark.parametrize("name", [name for name in MODULES if top(name) == "webhook_auth"])
def test_proofs_know_the_public_interface_only(name: str) -> None:
    assert {other for other in GRAPH[name] if top(other) != "webhook_auth"} <= {"__init__", "errors", "webhooks"}
