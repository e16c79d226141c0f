"""Regular expressions compiled at first use, since most runs use few of them and compiling all would slow the start."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, AnyStr

__all__ = ["lazy"]


def lazy(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return a stand-in for ``re.compile(pattern, flags)`` that compiles at first use.

    The first use of a method or attribute caches it on the stand-in, so later calls cost the same as on the pattern.
    """
    later: Any = _Later(pattern, flags)
    found: re.Pattern[AnyStr] = later
    return found


class _Later:
    """A pattern that is not compiled yet; each attribute of the pattern becomes its own once it is used."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self.pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 # whatever a pattern has
        compiled = re.compile(self.pattern, self._flags)  # cached by `re`
        value = getattr(compiled, name)
        setattr(self, name, value)
        return value

    def __reduce__(self) -> tuple[object, ...]:
        return lazy, (self.pattern, self._flags)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Later) and (self.pattern, self._flags) == (other.pattern, other._flags)

    def __hash__(self) -> int:
        return hash(self.pattern)
