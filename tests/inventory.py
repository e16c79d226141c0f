"""Look into the inventory of the built documentation: ``python -m tests.inventory FOLDER/objects.inv``.

Every public name has to be there, so that other projects can link it (intersphinx) and readers find it.
"""

from __future__ import annotations

import sys
import zlib
from importlib import import_module
from pathlib import Path

__all__ = ["main", "names_in", "public_names"]


def public_names() -> set[str]:
    """Return the dotted name of everything public."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "docs" / "_extensions"))
    try:
        modules: tuple[str, ...] = import_module("api").public_modules()
    finally:
        sys.path.pop(0)
    return {f"{module}.{name}" for module in modules for name in import_module(module).__all__}


def names_in(inventory: bytes) -> set[str]:
    """Return the names of the Python domain in an inventory of version 2: four lines of text, the rest compressed."""
    text = zlib.decompress(inventory.split(b"\n", 4)[4]).decode()
    return {line.split(" ", 1)[0] for line in text.splitlines() if " py:" in line}


def main() -> int:
    missing = public_names() - names_in(Path(sys.argv[1]).read_bytes())
    for name in sorted(missing):
        print(f"{name}: not in the inventory")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
