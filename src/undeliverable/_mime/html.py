"""HTML rendered to lines of text: enough for the notifications that mail servers write, in linear time.

One pattern finds the tags. Text between them is kept, block elements become line breaks, and what browsers do not show is
left out: comments, scripts, styles, titles, templates, and elements that are hidden. A `mailto:` link without text shows
its address, so that a recipient named only there is not lost.

A quotation (`blockquote`) is left out as well: whoever wrote the quoted message chose its words. Some notifications set
their own recipient or reply off as one, so a short one stays if it names nobody else.
"""

from __future__ import annotations

from io import StringIO
from typing import Final

from undeliverable._mime.grammar import (
    BLANK_LINES,
    BLANKS,
    ENTITY,
    FIRST_BLANK,
    HIDDEN,
    HIDING,
    MAILTO,
    RAW_ELEMENT,
    RAW_ENDS,
    STYLE,
    TAG,
    VALUE,
)
from undeliverable._text.addresses import addresses_in

_PARAGRAPHS: Final = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "blockquote", "pre", "hr"}
)
_LINES: Final = frozenset(
    {"br", "div", "tr", "li", "dt", "dd", "body", "html", "head", "section", "article", "header", "footer"}
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
# WHATWG HTML 13.1.2: these elements have no content that could be hidden.
_VOID: Final = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
_QUOTE: Final = "blockquote"
_LONG: Final = 4096  # characters of text without a tag that are looked at together
_REFERENCE: Final = 64  # characters that a character reference may have
_MANY: Final = 1024  # pieces of text
_FEW_LINES: Final = 3
"""How many lines a notification sets off as a quotation: a label, a recipient, a reply."""


def render(html: str) -> str:
    """Return the visible text: block elements break lines, entities are decoded; see above for what is left out."""
    renderer = _Renderer()
    html = _without_raw(html)
    _write(html, renderer)
    del html  # the result takes a second copy of what was written
    return renderer.result()


def _write(html: str, renderer: _Renderer) -> None:
    at = 0
    for tag in TAG.finditer(html):
        if tag.start() - at > _LONG:
            at = _write_long(html, at, tag.start(), renderer)
        renderer.text(html[at : tag.start()])
        renderer.tag(tag[1] or "", (tag[2] or "").lower(), tag[3] or "")
        at = tag.end()
    renderer.text(html[_write_long(html, at, len(html), renderer) :])


def _write_long(html: str, at: int, end: int, renderer: _Renderer) -> int:
    """Write long text between tags up to one of its last blanks, and return where that is: words as objects take much memory."""
    search = at + _LONG
    while (blank := FIRST_BLANK.search(html, search, end)) is not None:
        search = blank.end()
        if html.find("&", max(at, search - _REFERENCE), search) < 0:  # a character reference may be another blank
            renderer.text(html[at : blank.start()])
            at = blank.start()
            search = at + _LONG
    return at


def _without_raw(html: str) -> str:
    """Remove comments, scripts, styles, titles and templates; one that is never closed is kept, since its end is unknown."""
    kept = StringIO()
    open_ended: set[str] = set()
    at = search = 0
    while found := RAW_ELEMENT.search(html, search):
        name = (found[1] or found[2]).lower()
        end = None if name in open_ended else RAW_ENDS[name].search(html, found.end())
        if end is None:
            open_ended.add(name)
            search = found.end()
            continue
        kept.write(html[at : found.start()])
        kept.write(" ")
        at = search = end.end()
    if not at:
        return html
    kept.write(html[at:])
    return kept.getvalue()


class _Renderer:
    def __init__(self) -> None:
        self._blocks: list[str] = []  # whole lines above those in `_out`, without the line ends behind them
        self._unsearched = 0  # the first of these that was not searched for addresses
        self._out: list[str] = []
        self._hidden = ""  # name of the element that is not shown, of which `_open` are open
        self._open = 0
        self._quotes = 0  # open quotations; the outermost begins at `_quoted` in `_out`
        self._quoted = 0
        self._named: set[str] = set()  # addresses in `_out` up to `_searched`
        self._searched = 0
        self._fresh = True  # at the start of a line
        self._pre = 0
        self._anchor = ""  # address of an open mailto: link without visible text so far

    def text(self, raw: str) -> None:
        if not raw or self._open:
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
        if self._open:
            self._pass_over(slash, name)
            if self._open:
                return
        elif not slash and name not in _VOID and _is_hidden(attributes):
            self._hidden, self._open = name, 1
        if name in _LINES:
            self._break("\n", always=name == "br")
        elif name in _PARAGRAPHS:
            self._break("\n\n", always=False)
            if name == "pre":
                self._pre = max(0, self._pre + (-1 if slash else 1))
            elif name == _QUOTE:
                self._quote(slash)
        elif name in _CELLS and not slash:
            self.text(" ")
        elif name == "a":
            self._link(slash, attributes)

    def _pass_over(self, slash: str, name: str) -> None:
        """Count the elements inside one that is hidden; a paragraph ends where the next block begins."""
        if name == self._hidden:
            self._open += -1 if slash or name == "p" else 1
        elif self._hidden == "p" and (name in _PARAGRAPHS or name in _LINES) and name != "br":
            self._open = 0

    def _quote(self, slash: str) -> None:
        if not slash:
            if not self._quotes:
                self._quoted = len(self._out)
            self._quotes += 1
        elif self._quotes:
            self._quotes -= 1
            if not self._quotes:
                self._end_quotation()

    def _end_quotation(self) -> None:
        """Leave out the quotation that ends here unless it is the notification's own."""
        above = (*self._blocks[self._unsearched :], *self._out[self._searched : self._quoted])
        self._named.update(map(str.lower, addresses_in("".join(above))))
        self._searched, self._unsearched = self._quoted, len(self._blocks)
        if not _is_own("".join(self._out[self._quoted :]), self._named):
            del self._out[self._quoted :]
            self._anchor = ""

    def _break(self, ends: str, *, always: bool) -> None:
        if not self._fresh or always:
            self._out.append(ends)
        elif len(ends) == 2 and self._out:
            self._out.append("\n")
        self._fresh = True
        if len(self._out) > _MANY and not self._quotes:
            self._close_block()

    def _close_block(self) -> None:
        """Make one string of the lines so far: many take several times the memory."""
        block = _tidy("".join(self._out))
        bare = block.rstrip("\n")
        self._blocks.append(bare)
        self._out[:] = [block[len(bare) :]]
        self._searched = 0

    def _link(self, slash: str, attributes: str) -> None:
        if slash:
            if self._anchor:
                self.text(self._anchor)
            self._anchor = ""
        else:
            target = MAILTO.search(attributes)
            self._anchor = target[1] if target else ""

    def result(self) -> str:
        if self._quotes:
            self._end_quotation()
        text = _tidy("".join(self._out))
        if self._blocks:
            self._blocks.append(text)
            text = "".join(self._blocks)
            self._blocks.clear()
        return text.strip("\n") + "\n" if text.strip() else ""


def _tidy(lines: str) -> str:
    """Return lines without white space at their ends, and at most one empty one in a row."""
    return BLANK_LINES.sub("\n\n", "\n".join(map(str.rstrip, lines.split("\n"))))


def _is_hidden(attributes: str) -> bool:
    """Return whether the attributes of an element say that it is not shown (WHATWG HTML 6.1, CSS Display 2.5)."""
    if HIDING.search(attributes) is None:
        return False
    style = STYLE.search(attributes)
    if style is not None and HIDDEN.search(decode_entities(style[1])):
        return True
    return "hidden" in VALUE.sub(" ", attributes).lower().strip(" \t\n/>").split()


def _is_own(quoted: str, named: set[str]) -> bool:
    """Return whether what a notification sets off as a quotation is its own: it is short and names nobody else.

    The first address of all may stand there, alone on its line.

    :param named: the addresses above it, in lower case.
    """
    lines = [line.strip() for line in quoted.split("\n") if not line.isspace() and line]
    if len(lines) > _FEW_LINES:
        return False
    others = {found.lower() for found in addresses_in(quoted)} - named
    if not others:
        return True
    return not named and len(others) == 1 and any(line.strip("<>").lower() in others for line in lines)


def decode_entities(text: str) -> str:
    """Decode character references, each of bounded length: `unescape` raises for thousands of digits."""
    from html import unescape  # its table of names costs a millisecond, and most mail has no HTML

    return ENTITY.sub(lambda match: unescape(match[0]), text)
