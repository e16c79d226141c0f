"""The project speaks plainly: words of a private vocabulary stay out of the sources and the documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PRIVATE: Final = re.compile(r"\b(?:told|tells|heard|hears|spoken|speaks|whom|besides|fate|robots?)\b", re.IGNORECASE)
ALLOWED: Final = 30
"""The words are English, and some sentence may want one: what is forbidden is a habit."""


def pages() -> list[Path]:
    found = [*(ROOT / "src").rglob("*.py"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").rglob("*.py")]
    return sorted(path for path in found if "_build" not in path.parts)


def test_the_words_of_a_private_vocabulary_are_rare() -> None:
    lines = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in pages()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if PRIVATE.search(line)
    ]
    assert len(lines) <= ALLOWED, "\n".join(lines)


def test_a_title_is_one_line_and_each_has_its_own() -> None:
    """Search results and browser tabs show the title alone: two pages with one title cannot be kept apart."""
    titles: dict[str, Path] = {}
    for path in pages():
        if path.suffix == ".md":
            first = path.read_text(encoding="utf-8").partition("\n")[0]
            assert first.startswith("# "), path
            assert titles.setdefault(first, path) == path, (first, path)
