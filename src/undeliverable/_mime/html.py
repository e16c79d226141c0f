"""HTML rendered to lines of text: enough for the notifications that mail servers write, in linear time.

One pattern finds the tags. Text between them is kept, block elements become line breaks, and comments, scripts and
styles are removed first. A `mailto:` link without text shows its address, so that a recipient named only there is not
lost.
"""

from __future__ import annotations

from typing import Final

from undeliverable._mime.grammar import BLANK_LINES, BLANKS, ENTITY, MAILTO, RAW_ELEMENT, RAW_ENDS, TAG

_PARAGRAPHS: Final = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "blockquote", "pre", "hr"}
)
_LINES: Final = frozenset(
    {"br", "div", "tr", "li", "dt", "dd", "title", "body", "html", "head", "section", "article", "header", "footer"}
    | {
        "address",
        "center",
        "form",
        "fieldset",
        "caption",
        "thead",
        "tbody",
        "tfoot",
        "option",
        "legend",
        "main",
        "nav",
        "aside",
    },
)
_CELLS: Final = frozenset({"td", "th"})


def render(html: str) -> str:
    """Return the visible text: block elements break lines, entities are decoded, scripts, styles, comments dropped."""
    renderer = _Renderer()
    html = _without_raw(html)
    at = 0
    for tag in TAG.finditer(html):
        renderer.text(html[at : tag.start()])
        renderer.tag(tag[1] or "", (tag[2] or "").lower(), tag[3] or "")
        at = tag.end()
    renderer.text(html[at:])
    return renderer.result()


def _without_raw(html: str) -> str:
    """Remove comments, scripts and styles; one that is never closed is kept, since its end is unknown."""
    kept: list[str] = []
    open_ended: set[str] = set()
    at = search = 0
    while found := RAW_ELEMENT.search(html, search):
        name = (found[1] or found[2]).lower()
        end = None if name in open_ended else RAW_ENDS[name].search(html, found.end())
        if end is None:
            open_ended.add(name)
            search = found.end()
            continue
        kept.append(html[at : found.start()])
        at = search = end.end()
    kept.append(html[at:])
    return " ".join(kept) if len(kept) > 1 else html


class _Renderer:
    __slots__ = ("_anchor", "_fresh", "_out", "_pre")

    def __init__(self) -> None:
        self._out: list[str] = []
        self._fresh = True  # at the start of a line
        self._pre = 0
        self._anchor = ""  # address of an open mailto: link without visible text so far

    def text(self, raw: str) -> None:
        if not raw:
            return
        shown = decode_entities(raw) if "&" in raw else raw
        if not self._pre:
            shown = BLANKS.sub(" ", shown)
            if self._fresh:
                shown = shown.lstrip(" ")
        if not shown:
            return
        if self._anchor and not shown.isspace():
            self._anchor = ""
        self._out.append(shown)
        self._fresh = shown[-1] == "\n"

    def tag(self, slash: str, name: str, attributes: str) -> None:
        if name in _LINES:
            self._break("\n", always=name == "br")
        elif name in _PARAGRAPHS:
            self._break("\n\n", always=False)
            if name == "pre":
                self._pre = max(0, self._pre + (-1 if slash else 1))
        elif name in _CELLS and not slash:
            self.text(" ")
        elif name == "a":
            self._link(slash, attributes)

    def _break(self, ends: str, *, always: bool) -> None:
        if not self._fresh or always:
            self._out.append(ends)
        elif len(ends) == 2 and self._out:
            self._out.append("\n")
        self._fresh = True

    def _link(self, slash: str, attributes: str) -> None:
        if slash:
            if self._anchor:
                self.text(self._anchor)
            self._anchor = ""
        else:
            target = MAILTO.search(attributes)
            self._anchor = target[1] if target else ""

    def result(self) -> str:
        text = "\n".join(map(str.rstrip, "".join(self._out).split("\n")))
        return BLANK_LINES.sub("\n\n", text).strip("\n") + "\n" if text.strip() else ""


def decode_entities(text: str) -> str:
    """Decode character references, each of bounded length: `unescape` raises for thousands of digits."""
    from html import unescape  # its table of names costs a millisecond, and most mail has no HTML

    return ENTITY.sub(lambda match: unescape(match[0]), text)
