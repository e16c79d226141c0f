"""Described NDR formats: what a bounce says in its own words, read by descriptions that are data.

``schema`` checks a description and ``examples`` its examples; ``index`` finds the one that a text is of. ``described``
reads a text of a known format, ``unknown`` one that no description fits, ``lines`` is what both share.
"""

from __future__ import annotations

from collections.abc import Mapping

from undeliverable._formats.index import FormatTable
from undeliverable._formats.schema import Format, read_table

__all__ = ["Format", "FormatTable", "compile_format"]


def compile_format(name: str, table: Mapping[str, object], *, trusted: bool = False) -> Format:
    """Return the format `name` that `table` describes.

    :param trusted: leave out the check of patterns and examples: the built-in data is checked by the tests.
    :raises EntryError: for an unknown key, a value of the wrong type, a group that is no fact, a pattern that is not
        a regular expression or not linear, an example that is not read as it promises.
    """
    described = read_table(name, table, trusted=trusted)
    if not trusted:
        from undeliverable._formats.examples import check_examples

        check_examples(described, table)
    return described
