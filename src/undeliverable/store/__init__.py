"""A suppression list in a database: a SQLite file, or PostgreSQL by URL (extra ``store``).

It holds the state of every address and the whole history behind it, including raw replies and the rules that decided.
An event is stored once, however often it is recorded; several processes may write at the same time.
"""

from __future__ import annotations

from undeliverable.errors import missing_extra

try:
    from undeliverable.store._errors import AddressError, MissingListError, PatternError, StoreError, UnavailableError
    from undeliverable.store._export import export_records, export_rows
    from undeliverable.store._formats import FORMATS
    from undeliverable.store._identity import AddressIdentity
    from undeliverable.store._import import Imported, read_import
    from undeliverable.store._list import SuppressionList
    from undeliverable.store._records import Entry, Hold, Migrated, Outcome, Stats, SuppressedDomain
except ModuleNotFoundError as error:
    raise missing_extra(error, __name__) from None

__all__ = [
    "FORMATS",
    "AddressError",
    "AddressIdentity",
    "Entry",
    "Hold",
    "Imported",
    "Migrated",
    "MissingListError",
    "Outcome",
    "PatternError",
    "Stats",
    "StoreError",
    "SuppressedDomain",
    "SuppressionList",
    "UnavailableError",
    "export_records",
    "export_rows",
    "read_import",
]
