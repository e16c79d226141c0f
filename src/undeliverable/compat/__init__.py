"""The interfaces of other libraries, answered by this one: an import changes, and the program around it stays.

Each module is named after the library whose functions it has. Signatures and types are that library's; the page on moving
from it says where the answers differ, and why.
"""

from __future__ import annotations

__all__: list[str] = []
