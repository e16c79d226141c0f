"""A mark for classes that stay ordinary ones where a module is compiled.

mypyc makes each class of a compiled module an extension type, whose instances have no ``__dict__`` and no other attributes
than those declared. It leaves a class with a decorator that it does not know as it is; the methods are compiled all the
same. Classes need that which derive from ``dict`` or from a class of an interpreted module, or change the class of an
instance. It does not help ``cached_property``, which compiled code calls anew each time: such modules stay interpreted.
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
