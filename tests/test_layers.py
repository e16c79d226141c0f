"""Imports point down only and never form a cycle; read from the syntax trees, so that lazy imports count as well."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

import undeliverable

ROOT: Final = Path(undeliverable.__file__).parent
CORE: Final = sorted(path for path in ROOT.glob("*.py"))

# The hourglass, from its bottom to its top; a module may import from its own block and from those before it, but for
# readers, which do not import each other's doors.
BLOCKS: Final = {
    name: rank
    for rank, names in enumerate(
        (
            "data errors _words _lazy codes _registry reasons model verdict",
            # readers
            """
            _grammar _grammar_mime _grammar_report _patterns _evidence _once _dates _addresses _headers _charsets _transfer _html
            _flatten _structure _repairs _declared _part_header _mime _fields _field_groups _replies _dialogues _returned _standard _arf _autoreply
            _format_schema _format_index _drafts _format_facts _format_reader _format_examples _formats _flufl _log_frames _log_shapes _log_records
            _log_facts
            """,
            # the waist
            "_survey _facts _answers _unknown _notice",
            # judgement
            "_conditions _clauses _phrases _shelf _rules _policies _providers _blocklists _details _toml _loader _shipped _index knowledge _explain _judge",
            # doors
            "mail _exceptions smtp _log_reader logs webhooks envelope verp",
            "__init__",
            # outer, thin
            "_levels tags rates suppression recommend",
            "store",
            "check report webhook_auth",
            "serve",
            "cli __main__",
        )
    )
    for name in names.split()
}
# Verdict.explain(), Verdict.details and Returned.header() look up what they need when they are called.
UPWARDS: Final = {("verdict", "_explain"), ("verdict", "_details"), ("model", "_headers")}


def imports_of(path: Path) -> set[str]:
    """The modules of this package that a file imports, by their first name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("undeliverable.")}
        elif isinstance(node, ast.ImportFrom) and node.module == "undeliverable":
            found |= {alias.name for alias in node.names if (ROOT / f"{alias.name}.py").exists()}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("undeliverable."):
            found.add(str(node.module).split(".")[1])
    return found


def typing_only(path: Path) -> set[str]:
    """The modules that a file imports for annotations alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    names = [inner.module or "" for block in blocks for inner in block.body if isinstance(inner, ast.ImportFrom)]
    return {name.split(".")[1] for name in names if name.startswith("undeliverable.")}


def test_there_is_something_to_check() -> None:
    assert len(CORE) > 10


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_a_module_imports_only_from_below(path: Path) -> None:
    assert path.stem in BLOCKS, "a new module needs its place in the hourglass"
    above = {name for name in imports_of(path) if BLOCKS[name] > BLOCKS[path.stem] and (path.stem, name) not in UPWARDS}
    assert not above - typing_only(path)


def test_no_cycles() -> None:
    graph = {
        path.stem: {name for name in imports_of(path) - typing_only(path) if (path.stem, name) not in UPWARDS}
        for path in CORE
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for other in sorted(graph.get(name, ())):
                visit(other, (*trail, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())
    assert done >= set(graph)


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400 or path.stem == "_registry"


def test_the_core_reads_no_file_but_its_data() -> None:
    openers = {
        path.stem
        for path in CORE
        if path.stem != "_index"
        and BLOCKS[path.stem] <= BLOCKS["__init__"]
        and any(
            isinstance(node, ast.Call)
            and (
                (isinstance(node.func, ast.Name) and node.func.id == "open")
                or (isinstance(node.func, ast.Attribute) and node.func.attr in {"read_text", "read_bytes"})
            )
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    }
    assert openers == {"knowledge"}


OUTER: Final = sorted(
    path
    for package in ("suppression", "store", "check", "report", "webhook_auth", "serve", "cli")
    for path in (ROOT / package).rglob("*.py")
)


@pytest.mark.parametrize("path", OUTER, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_outer_layers_import_the_public_api_and_downwards_only(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0]
    for name in imports_of(path) - {own, "errors"}:
        assert not name.startswith("_"), name
        assert BLOCKS[name] < BLOCKS[own], name


@pytest.mark.parametrize("path", OUTER, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_of_the_outer_layers_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


# The services' modules: each imports the shared parts below it, and none of the others.
SERVICES: Final = sorted((ROOT / "webhooks").glob("[a-z]*.py"))
SHARED: Final = {name: rank for rank, name in enumerate(("_fields", "_body", "_service", "_reports"))}


def webhooks_imports(path: Path) -> set[str]:
    """What a module imports from the package of webhooks, by its name there."""
    return {
        str(node.module).rpartition(".")[2]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("undeliverable.webhooks.")
    }


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_services_do_not_know_each_other(path: Path) -> None:
    assert len(SERVICES) == 16
    assert webhooks_imports(path) <= {"_fields", "_body", "_service"}
    assert imports_of(path) <= {"webhooks", "errors", "model", "reasons", "verdict"}
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 200


@pytest.mark.parametrize("name", SHARED)
def test_the_shared_parts_of_webhooks_import_downwards(name: str) -> None:
    path = ROOT / "webhooks" / f"{name}.py"
    assert all(SHARED[other] < SHARED[name] for other in webhooks_imports(path))
    assert all(BLOCKS[other] <= BLOCKS["webhooks"] for other in imports_of(path))


@pytest.mark.parametrize("path", sorted((ROOT / "webhook_auth").glob("*.py")), ids=lambda path: path.stem)
def test_proofs_know_the_public_interface_only(path: Path) -> None:
    assert imports_of(path) <= {"webhook_auth", "webhooks"}
    assert not webhooks_imports(path)
