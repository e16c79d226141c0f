from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import undeliverable


def test_every_exported_name_is_there() -> None:
    for name in undeliverable.__all__:
        assert getattr(undeliverable, name) is not None


def test_every_public_name_is_exported() -> None:
    found = {
        name
        for name, value in vars(undeliverable).items()
        if not name.startswith("_") and name != "annotations" and not isinstance(value, ModuleType)
    }
    assert found == set(undeliverable.__all__) - {"__version__"}


def test_the_list_is_literal_and_sorted() -> None:
    tree = ast.parse(Path(undeliverable.__file__).read_text(encoding="utf-8"))
    (node,) = (
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    names = ast.literal_eval(node)
    assert names == sorted(names)
    assert len(names) == len(set(names))


def test_public_things_have_docstrings() -> None:
    for name in undeliverable.__all__:
        value = getattr(undeliverable, name)
        assert name in {"__version__", "compiled"} or (value.__doc__ or "").strip(), name


def test_what_an_import_leaves_out() -> None:
    """Modules that cost time and that most programs never need."""
    heavy = ("flufl.bounce", "chardet", "rich", "tomllib", "json", "undeliverable.codes._registry", "undeliverable.cli")
    code = f"import sys, undeliverable; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
