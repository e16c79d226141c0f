"""The search of the documentation: an index of titles, headings, keywords and text, which a script on the page searches.

Sphinx's own index drops numbers with dots, so that nobody finds 5.7.26. This one keeps a page's text as it is; the script
`static/search.js` cuts it into terms, which keeps that in one place. Keywords and words of the same meaning come from
`search.toml`. The index is a script itself, for a page opened from a file may not fetch.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

HERE: Final = Path(__file__).parent
INDEX: Final = "search-index.js"
CODES: Final = "reference/codes/"
"""Pages that are found by search, their index and links: hundreds, which would fill the navigation of every page."""
MADE: Final = "python -m tests.generate writes it."
MADE_WITHIN: Final = 200  # characters
SERVICES: Final = "howto/webhooks/"


def kind(name: str) -> int:
    """Return of which kind a page is, for its weight: 1 is a page of codes, 2 that of an e-mail service, 0 any other."""
    return next((number for number, folder in ((1, CODES), (2, SERVICES)) if name.startswith(folder)), 0)


def words() -> dict[str, Any]:
    """Return what `search.toml` says: groups of words of the same meaning, and keywords of pages."""
    return tomllib.loads((HERE / "search.toml").read_text(encoding="utf-8"))


def sections(doctree: nodes.document) -> Iterator[tuple[str, str, str]]:
    """Yield the sections of a page: the anchor, the heading and the text, without that of the sections below."""
    for section in doctree.findall(nodes.section):
        heading = section.next_node(nodes.title)
        text = " ".join(
            _text(child) for child in section.children if not isinstance(child, nodes.section | nodes.title)
        )
        yield section["ids"][0], heading.astext() if heading else "", " ".join(text.split())


def _counts(node: nodes.Node) -> bool:
    """Return whether a part of a section is text of its own; the note on a page that is made says nothing of its subject."""
    return not isinstance(node, nodes.section | nodes.title) and MADE not in node.astext()[:MADE_WITHIN]


def _text(node: nodes.Node) -> str:
    """Return the text of a node, its blocks apart: neighbouring cells of a table are no one word."""
    return " ".join(text.astext() for text in node.findall(nodes.Text))


def _read(app: Sphinx, doctree: nodes.document) -> None:
    name = app.env.docname
    _store(app.env)[name] = [*sections(doctree)]
    if name.startswith(CODES) and name != f"{CODES}index":
        app.env.metadata[name]["orphan"] = True


def _store(env: BuildEnvironment) -> dict[str, list[tuple[str, str, str]]]:
    if not hasattr(env, "site_search"):
        env.site_search = {}  # type: ignore[attr-defined] # kept with the environment, for the next build
    found: dict[str, list[tuple[str, str, str]]] = env.site_search  # type: ignore[attr-defined]
    return found


def _purge(_app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    _store(env).pop(docname, None)


def _merge(_app: Sphinx, env: BuildEnvironment, docnames: list[str], other: BuildEnvironment) -> None:
    _store(env).update({name: _store(other)[name] for name in docnames})


def _is_html(app: Sphinx) -> bool:
    return app.builder.name == "html"


def _begin(app: Sphinx) -> None:
    if _is_html(app):
        app.builder.search = False  # type: ignore[attr-defined] # Sphinx's own index and page


def _pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    if _is_html(app):
        yield "search", {"search_index": INDEX}, "site-search.html"


def _finish(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or not _is_html(app):
        return
    said = words()
    keywords = said["pages"]
    rows = [
        [app.builder.get_target_uri(name), _store(app.env)[name], keywords.get(name, []), kind(name)]
        for name in sorted(app.env.found_docs)
        if name in _store(app.env)
    ]
    index = json.dumps({"same": said["same"], "pages": rows}, ensure_ascii=False, separators=(",", ":"))
    target = Path(app.outdir) / "_static" / INDEX
    target.write_text(f"window.SEARCH_INDEX = {index};\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, object]:
    """Connect the parts to Sphinx."""
    app.connect("builder-inited", _begin)
    app.connect("doctree-read", _read)
    app.connect("env-purge-doc", _purge)
    app.connect("env-merge-info", _merge)
    app.connect("html-collect-pages", _pages)
    app.connect("build-finished", _finish)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
