"""Makes docs/reference/codes/**: a page for each reply code, enhanced status code, provider and code of a provider.

The pages are computed from the rules, their examples and the registry: what servers use a code for, how they word it, what
the library makes of it by default and under each profile, and what to do. A status code that is registered and stands in no
rule's example has its section on one page for all of these.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from tests.generate.codes import index, providers, replies_pages, statuses

__all__ = ["FOLDER", "pages"]

FOLDER: Final = "docs/reference/codes"


@cache
def _pages() -> dict[str, str]:
    makers = (index.pages, replies_pages.pages, statuses.pages, providers.pages)
    return {f"{FOLDER}/{name}.md": f"{text.rstrip()}\n" for make in makers for name, text in make().items()}


def pages() -> dict[str, str]:
    """Return every page by its path."""
    return dict(_pages())
