"""The exceptions that this library raises: one base class, few leaves.

Mail never raises, whatever its bytes. Only three things do: configuration (a rule file, a profile name, an argument that
holds rules), a webhook body that the named service cannot have sent, and a package that is not installed::

    UndeliverableError
      x KnowledgeError      a rule file, profile or rule table that cannot be used
      x WebhookError        a request body that is not what the named service sends
      x MissingExtraError   an extra that a part of the library needs; an ImportError as well
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["KnowledgeError", "MissingExtraError", "UndeliverableError", "WebhookError", "missing_extra"]


class UndeliverableError(Exception):
    """The base class of all exceptions that this library raises on purpose.

    :ivar is_temporary: True if the same call may succeed later: a list is locked, or its database cannot be reached.
    """

    is_temporary = False


class KnowledgeError(UndeliverableError):
    """A rule file, profile or table of rules cannot be used; none of it was loaded.

    :ivar file: the file's name, or the layer's name where the rules came from code.
    :ivar detail: what is wrong, in one sentence.
    :ivar entry: the id of the faulty entry, or its position such as ``rule[3]``; ``None`` for the whole file.
    :ivar key: the faulty key inside the entry, dotted (``when.reply``); ``None`` for the whole entry.
    :ivar line: the line number, from 1; 0 if unknown.
    :ivar column: the column of the caret, from 1; 0 if unknown.
    :ivar text: the source line that the caret points into, or the empty string.
    """

    def __init__(
        self,
        file: str,
        detail: str,
        *,
        entry: str | None = None,
        key: str | None = None,
        line: int = 0,
        column: int = 0,
        text: str = "",
    ) -> None:
        super().__init__(file, detail)
        self.file = file
        self.detail = detail
        self.entry = entry
        self.key = key
        self.line = line
        self.column = column
        self.text = text

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        subject = "".join(f" {name} {value!r}:" for name, value in (("entry", self.entry), ("key", self.key)) if value)
        message = f"{place}:{subject} {self.detail}"
        if not self.text:
            return message
        return f"{message}\n    {self.text}\n    {' ' * max(self.column - 1, 0)}^"


class WebhookError(UndeliverableError):
    """A request body is not what the named service sends; the endpoint should answer 400.

    :ivar service: the name of the service, as given by the caller.
    :ivar detail: what was expected and what was found instead.
    """

    def __init__(self, service: str, detail: str) -> None:
        super().__init__(f"{service}: {detail}")
        self.service = service
        self.detail = detail


class MissingExtraError(UndeliverableError, ModuleNotFoundError):
    """A part of the library was used whose extra is not installed; the message names the pip command.

    :ivar part: the part, such as ``undeliverable.store``.
    """

    def __init__(self, part: str, package: str) -> None:
        from undeliverable.errors._extras import needs

        super().__init__(needs(part, package), name=package)
        self.part = part


def missing_extra(error: ModuleNotFoundError, part: str) -> ModuleNotFoundError:
    """Return the error for what a failed import needs: the extra of `part`, or `error` itself for a module of our own."""
    package = (error.name or "").partition(".")[0]
    return error if package == "undeliverable" or not package else MissingExtraError(part, package)


class EntryError(Exception):
    """A fault inside one entry, raised while it is compiled; the loader adds the place and raises KnowledgeError."""

    def __init__(self, detail: str, *, entry: str | None = None, key: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.entry = entry
        self.key = key


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return "; did you mean a or b?" for the known words that resemble `word`, or an empty string."""
    from difflib import get_close_matches  # needed only after a typing error

    near = get_close_matches(str(word), known, n=3)  # code may have other keys than texts
    return f"; did you mean {' or '.join(near)}?" if near else ""
