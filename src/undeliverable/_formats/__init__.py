"""Described NDR formats: what a notice says in its own words, read by descriptions that are data.

This is the door to the engine: ``_format_schema`` checks a description and ``_format_examples`` its examples,
``_format_index`` finds the one that a notice is of, ``_format_reader`` reads with it.
"""

from __future__ import annotations

from collections.abc import Mapping

from undeliverable._formats.described import FormatReading, read
from undeliverable._formats.examples import check_examples
from undeliverable._formats.index import FormatTable
from undeliverable._formats.schema import Format, read_table

__all__ = ["Format", "FormatReading", "FormatTable", "compile_format", "read"]


def compile_format(name: str, table: Mapping[str, object], *, trusted: bool = False) -> Format:
    """The format `name` that `table` describes.

    :param trusted: leave out the check of patterns and examples: the built-in data is checked by the tests.
    :raises EntryError: for an unknown key, a value of the wrong type, a group that is no fact, a pattern that is not
        a regular expression or not linear, an example that is not read as it promises.
    """
    described = read_table(name, table, trusted=trusted)
    if not trusted:
        check_examples(described, table)
    return described
