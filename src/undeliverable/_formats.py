"""Described NDR formats: what a notice says in its own words, read by descriptions that are data.

This is the door to the engine: ``_format_schema`` checks a description, ``_format_index`` finds the one that a notice
is of, ``_format_reader`` reads with it.
"""

from __future__ import annotations

from undeliverable._format_index import FormatTable
from undeliverable._format_reader import FormatReading, read
from undeliverable._format_schema import Format, compile_format

__all__ = ["Format", "FormatReading", "FormatTable", "compile_format", "read"]
