"""Mark classes of compiled modules that stay ordinary ones, and attributes that are found once.

mypyc makes each class of a compiled module an extension type, whose instances have no ``__dict__`` and no other attributes
than those declared. It leaves a class with a decorator that it does not know as it is; the methods are compiled all the
same. Classes need that which derive from ``dict`` or from a class of an interpreted module, change the class of an instance,
or keep attributes. It takes a ``cached_property`` for a property, which finds its value anew each time: hence another name.
A class of a compiled module has subclasses in interpreted ones only where it is marked so.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Generic, TypeVar

    from mypy_extensions import mypyc_attr

    _Class = TypeVar("_Class")
    _Value = TypeVar("_Value")

    class kept(Generic[_Value]):  # noqa: N801 # used as a decorator
        """An attribute of an ordinary class that is found when it is first asked for, and kept."""

        def __init__(self, find: Callable[[Any], _Value]) -> None: ...
        def __get__(self, instance: object, owner: type | None = None) -> _Value: ...

else:
    from functools import cached_property as kept

    def mypyc_attr(**_: bool) -> Callable[[_Class], _Class]:  # read when modules are compiled
        """Return a decorator that leaves a class as it is."""
        return ordinary


__all__ = ["kept", "mypyc_attr", "ordinary"]


def ordinary(cls: _Class) -> _Class:
    """Return a class as it is."""
    return cls
