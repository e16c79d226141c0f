"""Files of rules that are read again when they change, for processes that run for long.

There is neither a clock nor a thread: whoever judges asks for the current knowledge before a message, which costs a look
at each file's time.
"""

# Plain paths: pathlib would take a twentieth of the time of a start.
# ruff: noqa: PTH116

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from undeliverable._knowledge.paths import part_names
from undeliverable.errors import KnowledgeError

if TYPE_CHECKING:
    from os import PathLike
    from typing import Protocol, Self, TypeAlias

    class Layered(Protocol):
        """What layers can be added to."""

        def with_profile(self, name: str, *, only: Sequence[str] = ()) -> Self:
            """Return it with a profile."""
            ...

        def with_file(self, path: str | PathLike[str]) -> Self:
            """Return it with a file."""
            ...

    _Seen: TypeAlias = tuple[int, int, int, int] | None
    """Times of its text and of its entry (a program may set the first one back), size and number of a file, or None."""

__all__ = ["Watch", "watched"]

_SIZE: Final = 2
_Knowledge = TypeVar("_Knowledge", bound="Layered")


class Watch(Generic[_Knowledge]):
    """The current knowledge of some files; made by :meth:`~undeliverable.knowledge.Knowledge.watch`.

    A file that cannot be used changes nothing: the knowledge stays as it was, and the logger ``undeliverable.knowledge``
    gets the error with file, line and key. It can be called instead of :meth:`current`. A file that is empty for the moment is being written, and waited for.

    :ivar error: why the files as they are cannot be used, or None.
    """

    def __init__(self, load: Callable[[], _Knowledge], paths: Sequence[str]) -> None:
        """Read the files.

        :raises KnowledgeError: when one of them cannot be used.
        """
        self._load = load
        self._paths = tuple(paths)
        self._seen = self._look()
        self._knowledge = load()
        self.error: KnowledgeError | None = None

    def current(self) -> _Knowledge:
        """Return the knowledge of the files as they are, read again if one of them has changed."""
        seen = self._look()
        if seen != self._seen and not any(one is not None and not one[_SIZE] for one in seen):
            self._read(seen)
        return self._knowledge

    __call__ = current

    def reload(self) -> _Knowledge:
        """Return the knowledge of the files, read again whether or not they have changed."""
        self._read(self._look())
        return self._knowledge

    def _read(self, seen: tuple[_Seen, ...]) -> None:
        self._seen = seen
        try:
            self._knowledge = self._load()
        except KnowledgeError as error:
            import logging  # 5 ms; hardly ever needed

            self.error = error
            logging.getLogger("undeliverable.knowledge").error("the rules stay as they were: %s", error)  # noqa: TRY400 # its place is in the file
        else:
            self.error = None

    def _look(self) -> tuple[_Seen, ...]:
        return tuple(map(_seen, self._paths))


def watched(
    builtin: _Knowledge,
    files: Sequence[str | PathLike[str]],
    profiles: Sequence[str | tuple[str, Sequence[str]]],
) -> Watch[_Knowledge]:
    """Return what watches files and profiles above the built-in knowledge.

    :raises KnowledgeError: when one of them cannot be used.
    """
    pairs = [(one, ()) if isinstance(one, str) else one for one in profiles]
    paths = [path for path, _ in (part_names(name) for name, _ in pairs) if path.endswith(".toml")]

    def load() -> _Knowledge:
        knowledge = builtin
        for name, only in pairs:
            knowledge = knowledge.with_profile(name, only=only)
        for path in files:
            knowledge = knowledge.with_file(path)
        return knowledge

    return Watch(load, [*paths, *map(str, files)])


def _seen(path: str) -> _Seen:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
