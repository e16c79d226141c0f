"""The layers around the core import its public names only, in one direction; inside a layer the files form no cycle.

Read from the syntax trees, so that imports in functions and for annotations alone count as well.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

import undeliverable
from tests.databases import programs
from undeliverable import codes, errors, model, reasons, verdict

ROOT: Final = Path(undeliverable.__file__).parent
LAYERS: Final = (
    "files",
    "rates",
    "recommend",
    "arrow",
    "compat",
    "suppression",
    "store",
    "check",
    "summary",
    "report",
    "serve",
    "mailbox",
    "cli",
)
# What each of these layers may know of the others; pure ones know nothing but the core.
BELOW: Final = {
    "suppression": {"suppression", "data", "verdict"},
    "recommend": {"recommend", "data"},
    "store": {"store", "suppression", "files", "data"},
}


def files_of(layer: str) -> list[Path]:
    return sorted((ROOT / layer).glob("*.py")) or [ROOT / f"{layer}.py"]


FILES: Final = [(layer, path) for layer in BELOW for path in files_of(layer)]
ALL_FILES: Final = [(layer, path) for layer in LAYERS for path in files_of(layer)]
PUBLIC: Final = {
    *undeliverable.__all__,
    *(name for module in (codes, errors, model, reasons, verdict) for name in module.__all__),
}


def names(files: list[tuple[str, Path]]) -> list[str]:
    return [f"{layer}/{path.stem}" for layer, path in files]


def imported(path: Path) -> list[ast.ImportFrom]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [
        node for node in nodes if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("undeliverable")
    ]


def siblings(layer: str, path: Path) -> set[str]:
    """Return the files of the same package that `path` imports."""
    found: set[str] = set()
    for node in imported(path):
        module = node.module or ""
        if module == f"undeliverable.{layer}":
            own = {name.name for name in node.names if (ROOT / layer / f"{name.name}.py").exists()}
            found |= own or {"__init__"}
        elif module.startswith(f"undeliverable.{layer}."):
            found.add(module.split(".")[2])
    return found


def test_there_is_something_to_check() -> None:
    assert all(path.exists() for _, path in ALL_FILES)
    assert siblings("rates", ROOT / "rates" / "__init__.py") == {"_levels", "_tables"}


@pytest.mark.parametrize(("layer", "path"), FILES, ids=names(FILES))
def test_a_layer_imports_from_below(layer: str, path: Path) -> None:
    for node in imported(path):
        parts = (node.module or "").split(".")
        if len(parts) == 1:
            modules = {
                name.name for name in node.names if (ROOT / name.name).is_dir() or (ROOT / f"{name.name}.py").exists()
            }
            assert modules <= BELOW[layer]
            assert {name.name for name in node.names} - modules <= PUBLIC
        else:
            assert parts[1] in BELOW[layer] | {"errors", "model"}, node.module
            assert parts[1] == layer or len(parts) == 2, "the modules of another layer are private to it"


@pytest.mark.parametrize("layer", [layer for layer in LAYERS if (ROOT / layer).is_dir()])
def test_the_files_of_a_layer_form_no_cycle(layer: str) -> None:
    graph = {path.stem: siblings(layer, path) for path in files_of(layer)}

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        for other in sorted(graph[name]):
            visit(other, (*trail, name))

    for name in sorted(graph):
        visit(name, ())


@pytest.mark.parametrize("path", sorted(ROOT.glob("_*/*.py")), ids=lambda path: f"{path.parent.stem}/{path.stem}")
def test_the_core_knows_nothing_of_them(path: Path) -> None:
    named = {part for node in imported(path) for part in (node.module or "").split(".")[1:2]}
    named |= {name.name for node in imported(path) if node.module == "undeliverable" for name in node.names}
    assert not named & set(LAYERS)


@pytest.mark.parametrize(("layer", "path"), ALL_FILES, ids=names(ALL_FILES))
def test_files_and_functions_stay_small(layer: str, path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 400
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 40, f"{layer}: {node.name}"


def test_the_machine_is_pure() -> None:
    """Neither clock nor database: who imports it pays for neither."""
    for layer, path in FILES:
        if layer != "store":
            found = {
                name.name.split(".")[0]
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.Import)
                for name in node.names
            }
            assert not found & {"sqlalchemy", "sqlite3", "psycopg", "time", "random", "os"}


def test_root_without_runuser_has_no_database_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The tests that need PostgreSQL are skipped then: the server refuses to run as root."""
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert programs() is None
