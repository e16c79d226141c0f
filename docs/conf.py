"""Sphinx: how the documentation is built. `sphinx-build -W docs docs/_build`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import undeliverable
from undeliverable.reasons import Fault, Reason

if TYPE_CHECKING:
    from sphinx.application import Sphinx

    from undeliverable._rules.providers import Provider
    from undeliverable._rules.table import Rule

EXTENSIONS = Path(__file__).parent / "_extensions"  # the API and the commands, from the sources
SITE = Path(__file__).parent / "_site"  # the search and its page
sys.path[:0] = [str(EXTENSIONS), str(SITE)]

project = "undeliverable"
author = "The undeliverable authors"
copyright = author
release = version = undeliverable.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "api", "commands", "site_search"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "_site"]
templates_path = [str(SITE / "templates")]
html_static_path = [str(SITE / "static")]
html_css_files = ["search.css"]
# The playground has a page of its own, and what it runs is built by `python -m tests.playground`.
html_extra_path = [
    str(path) for path in (SITE / "extra", Path(__file__).parent / "_build" / "playground") if path.exists()
]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
autodoc_typehints = "signature"
html_theme = "furo"
html_title = "undeliverable"
nitpicky = True

REASONS = "%REASONS%"
PROVIDERS = "%PROVIDERS%"


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


def providers_table() -> str:
    """Every provider in Markdown, first those with hosts: made from the data, so that it cannot lag behind."""
    knowledge = undeliverable.Knowledge.builtin()
    providers = sorted(knowledge.providers, key=lambda provider: (not provider.hosts, provider.name))
    lines = ["| name | who | hosts | rules | sources |", "|---|---|---|---|---|"]
    for provider in providers:
        rules = [rule for rule in knowledge.rules if _is_of(rule, provider)]
        hosts = ", ".join(f"`{host}`" for host in provider.hosts) or "anywhere"
        sources = dict.fromkeys(filter(None, (provider.source, *(rule.source for rule in rules))))
        links = ", ".join(f"[{number}](<{source}>)" for number, source in enumerate(sources, start=1))
        lines.append(f"| `{provider.name}` | {provider.title} | {hosts} | {len(rules)} | {links} |")
    return "\n".join(lines)


def _is_of(rule: Rule, provider: Provider) -> bool:
    # The rules of software that answers anywhere ask for no provider; the file that they stand in gives them its name.
    return provider.name in rule.when.providers if rule.when.providers else rule.id.startswith(f"{provider.name}.")


def _fill_in(_app: Sphinx, _docname: str, source: list[str]) -> None:
    if REASONS in source[0]:
        source[0] = source[0].replace(REASONS, reasons_table())
    if PROVIDERS in source[0]:
        source[0] = source[0].replace(PROVIDERS, providers_table())


def setup(app: Sphinx) -> None:
    app.connect("source-read", _fill_in)
