"""Makes docs/reference/formats.md from the descriptions of formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from undeliverable._knowledge.toml import TomlSource

ROOT: Final = Path(__file__).resolve().parents[2]
DATA: Final = ROOT / "src" / "undeliverable" / "data" / "formats"

HEAD: Final = """\
# Notification formats that are read

*This page is made from the descriptions of formats: `python -m tests.generate` writes it.*

Notifications that say in their own words what failed are read by descriptions, one file each in `undeliverable/data/formats`.
The name is what a report gives as `message.generator`. A notification with the fields of RFC 3464 needs no description;
where there is one all the same, it adds what the words say and the fields do not.
[Adding a format](../howto/add-a-format.md) takes about ten minutes.

"""


def pages() -> dict[str, str]:
    """Return the page by its path."""
    rows = "\n".join(_rows())
    return {
        "docs/reference/formats.md": f"{HEAD}| name | software | recognised by | source |\n|---|---|---|---|\n{rows}\n"
    }


def tables() -> dict[str, dict[str, Any]]:
    """Return every built-in description by its name, as it stands in its file."""
    paths = sorted(DATA.glob("*.toml"))
    return {path.stem: TomlSource(str(path), path.read_text(encoding="utf-8")).parse() for path in paths}


def _rows() -> Iterator[str]:
    for name, table in tables().items():
        cells = (f"`{name}`", table["title"], _recognised(table.get("when", {})), table["source"])
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _recognised(when: Mapping[str, Any]) -> str:
    return "; ".join(f"{'text' if key == 'body' else key}: {_some(value)}" for key, value in when.items())


def _some(value: str | list[str]) -> str:
    literals = [value] if isinstance(value, str) else value
    shown = ", ".join(f"`{literal.strip()}`" if literal else "present" for literal in literals[:2])
    return f"{shown}, ... ({len(literals)})" if len(literals) > 2 else shown
