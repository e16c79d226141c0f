"""Builds ``data/index.json`` from the TOML files: ``python -m undeliverable._index``, before a release is packed.

The index holds the built-in documents as they are, so that nobody who uses the library has to parse TOML. A test
proves that it says what the TOML says.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from undeliverable.knowledge import Knowledge, read_documents

__all__ = ["INDEX", "build", "main"]

INDEX = Path(__file__).parent / "data" / "index.json"


def build() -> str:
    """The text of the index: the same for the same TOML."""
    documents = read_documents()
    filing = Knowledge.builtin().rule_table.filing.to_json()
    return json.dumps({"documents": documents, "filing": filing}, ensure_ascii=False, separators=(",", ":")) + "\n"


def main() -> int:
    """Writes the index into the package's own data folder and says where."""
    INDEX.unlink(missing_ok=True)  # what is built in is read from TOML from here on
    text = build()
    INDEX.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{INDEX}: {len(text):,} characters\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
