"""Everything that is made from the data: pages of the documentation, and the index of a checkout.

``python -m tests.generate`` writes what is out of date and says so; with ``--check`` it
only says which pages are, and ends with 1: git has the pages, and not the index.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.generate import codes, formats, index, message, pictures, profiles, schema, service, suppression, webhooks
from undeliverable import Knowledge

__all__ = ["COMMAND", "ROOT", "outdated", "pages", "write"]

ROOT = Path(__file__).resolve().parents[2]
COMMAND: Final = "python -m tests.generate"
MAKERS: Final[tuple[Callable[[], Mapping[str, str]], ...]] = (
    codes.pages,
    formats.pages,
    message.pages,
    pictures.pages,
    profiles.pages,
    schema.pages,
    service.pages,
    suppression.pages,
    webhooks.pages,
)
FOLDERS: Final = ("docs/howto/webhooks", codes.FOLDER)  # every file in them is made


def pages() -> dict[str, str]:
    """Return the text of every page by its path below the root of the checkout."""
    Knowledge.builtin()  # a file with an error is reported before anything is made of it
    return {path: text for make in MAKERS for path, text in make().items()}


def outdated() -> dict[str, str | None]:
    """Return the pages that are missing or differ from what they should be, and None for those that nothing makes."""
    wanted: dict[str, str | None] = {**pages()}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).glob("*")):
            wanted.setdefault(f"{folder}/{path.name}", None)
    return {name: text for name, text in wanted.items() if text != _present(ROOT / name)}


def _present(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def write(*, check: bool = False) -> list[str]:
    """Bring pages and index up to date, and return their names; with `check` only return the pages that are not.

    :raises KnowledgeError: for the first error in a data file.
    """
    found = outdated()
    if check:
        return [*found]
    for name, text in found.items():
        if text is None:
            (ROOT / name).unlink()
        else:
            (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / name).write_text(text, encoding="utf-8", newline="\n")
    if index.is_current():
        return [*found]
    index.write()
    return [*found, index.NAME]
