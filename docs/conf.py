"""Sphinx: how the documentation is built. `sphinx-build -W docs docs/_build`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import undeliverable
from undeliverable.reasons import Fault, Reason

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "undeliverable"
author = "The undeliverable authors"
copyright = author
release = version = undeliverable.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
autodoc_typehints = "signature"
html_theme = "furo"
html_title = "undeliverable"
nitpicky = False

REASONS = "%REASONS%"


def reasons_table() -> str:
    """Every reason in Markdown, one section per fault: made from the enum, so that it cannot lag behind."""
    return "\n".join(line for fault in Fault for line in _section(fault))


def _section(fault: Fault) -> Iterable[str]:
    yield f"\n## {fault.value.capitalize()}\n"
    yield "| reason | meaning | bounce type | advice |"
    yield "|---|---|---|---|"
    for reason in Reason:
        if reason.fault is fault:
            yield f"| `{reason}` | {reason.meaning} | {reason.bounce_type} | `{reason.advice}` |"


def _fill_in(_app: Sphinx, _docname: str, source: list[str]) -> None:
    source[0] = source[0].replace(REASONS, reasons_table())


def setup(app: Sphinx) -> None:
    app.connect("source-read", _fill_in)
