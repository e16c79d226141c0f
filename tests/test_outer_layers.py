"""The layers around the core import its public names only, and downwards only; the core knows nothing of them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

import undeliverable
from undeliverable import codes, errors, model, reasons, verdict

ROOT: Final = Path(undeliverable.__file__).parent
BELOW: Final = {
    "suppression": {"suppression", "data"},
    "recommend": {"recommend", "data"},
    "store": {"store", "suppression", "data"},
}
FILES: Final = [
    (layer, path) for layer in BELOW for path in (sorted((ROOT / layer).glob("*.py")) or [ROOT / f"{layer}.py"])
]
PUBLIC: Final = {
    *undeliverable.__all__,
    *(name for module in (codes, errors, model, reasons, verdict) for name in module.__all__),
}


def imported(path: Path) -> list[ast.ImportFrom]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [
        node for node in nodes if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("undeliverable")
    ]


def test_there_is_something_to_check() -> None:
    assert len(FILES) > 12


@pytest.mark.parametrize(("layer", "path"), FILES, ids=[f"{layer}/{path.stem}" for layer, path in FILES])
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
            assert parts[1] in BELOW[layer], node.module
            assert parts[1] == layer or len(parts) == 2, "another layer's own modules are its own affair"


@pytest.mark.parametrize("path", sorted(ROOT.glob("_*.py")), ids=lambda path: path.stem)
def test_the_core_knows_nothing_of_them(path: Path) -> None:
    if path.stem == "__main__":
        return
    named = {part for node in imported(path) for part in (node.module or "").split(".")[1:2]}
    named |= {name.name for node in imported(path) if node.module == "undeliverable" for name in node.names}
    assert not named & {*BELOW, "cli"}


@pytest.mark.parametrize(("layer", "path"), FILES, ids=[f"{layer}/{path.stem}" for layer, path in FILES])
def test_files_and_functions_stay_small(layer: str, path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 400
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.body[0].lineno < 60, node.name


def test_the_machine_is_pure() -> None:
    """Neither clock nor database: who imports it pays for neither."""
    for layer, path in FILES:
        if layer != "store":
            names = {
                name.name.split(".")[0]
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.Import)
                for name in node.names
            }
            assert not names & {"sqlalchemy", "sqlite3", "psycopg", "time", "random", "os"}
