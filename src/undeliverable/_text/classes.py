"""A mark for classes that stay ordinary ones where a module is compiled.

mypyc makes each class of a compiled module an extension type, whose instances have no ``__dict__`` and no other attributes
than those declared. It leaves a class with a decorator that it does not know as it is; the methods are compiled all the
same. Classes need that which keep values by ``cached_property``, derive from ``dict`` or from a class of an interpreted
module, or change the class of an instance; dataclasses with slots need it, since these are made as a second class.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    _Class = TypeVar("_Class")

__all__ = ["ordinary"]


def ordinary(cls: _Class) -> _Class:
    """Return a class as it is."""
    return cls
