"""Options that are numbers: each has bounds, which one message names, and options of one name one unit.

A number outside of its bounds is an error of the command line, found before anything is opened or listened to.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from argparse import _ArgumentGroup as ArgumentGroup  # pyright: ignore[reportPrivateUsage] # it has no other name

__all__ = ["add_max_size_option", "add_timeout_option", "within"]

_Number = TypeVar("_Number", int, float)
_MOST: Final = 1_000_000  # seconds, or MiB: more than anybody wants, and nothing overflows


def within(kind: Callable[[str], _Number], least: float, most: int = _MOST) -> Callable[[str], _Number]:
    """Return the type of an option that takes a number in these bounds.

    :param kind: int or float.
    """

    def number(text: str) -> _Number:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:  # not a number is in no bounds
            raise ArgumentTypeError(
                f"must be {'a number' if kind is float else 'a whole number'} from {least:g} to {most}, not {text!r}"
            )
        return value

    return number


def add_timeout_option(parser: ArgumentParser, about: str, *, default: float, least: float = 0.001) -> None:
    """Declare `--timeout`, in seconds, with what it limits; a least value of 0 stands for no limit."""
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=within(float, least), default=default, help=f"the time limit of {about}"
    )


def add_max_size_option(parser: ArgumentParser | ArgumentGroup, about: str, *, default: int) -> None:
    """Declare `--max-size`, in MiB of one message, with what happens to more."""
    parser.add_argument("--max-size", metavar="MIB", type=within(int, 1), default=default, help=about)
