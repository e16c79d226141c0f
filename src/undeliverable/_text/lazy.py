"""Patterns that are compiled when they are first asked: in most runs most of them never are."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, AnyStr

__all__ = ["lazy"]


def lazy(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return what ``re.compile(pattern, flags)`` gives, compiled later; from its second call on a method is as fast."""
    later: Any = _Later(pattern, flags)
    found: re.Pattern[AnyStr] = later
    return found


class _Later:
    """Stands for a pattern; its methods become its own attributes once they are found."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self.pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 # whatever a pattern has
        compiled = re.compile(self.pattern, self._flags)  # which remembers patterns itself
        value = getattr(compiled, name)
        setattr(self, name, value)
        return value

    def __reduce__(self) -> tuple[object, ...]:
        return lazy, (self.pattern, self._flags)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Later) and (self.pattern, self._flags) == (other.pattern, other._flags)

    def __hash__(self) -> int:
        return hash(self.pattern)
