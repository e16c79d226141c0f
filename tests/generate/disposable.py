"""The list of disposable domains that comes with the package, from the release of it that is installed.

    pip install -U disposable-email-domains
    python -m tests.generate.disposable

A large list of somebody else's that changes every day is no page of ours: it is brought up to date by hand before a release,
and its header says which release it is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.metadata import version
from typing import Final

from tests.generate import ROOT
from undeliverable import Knowledge
from undeliverable.recommend import mailbox_domains

__all__ = ["NAME", "main", "text"]

NAME: Final = "src/undeliverable/data/addresses/disposable_domains.txt"
_PACKAGE: Final = "disposable-email-domains"
_HEADER: Final = """\
# Domains of services that give away mailboxes for minutes or days. One a line; their subdomains belong to them.
# Source: https://github.com/disposable-email-domains/disposable-email-domains, as released on PyPI: {package} {version}
# Licence: CC0 1.0 (public domain), https://creativecommons.org/publicdomain/zero/1.0/
# Left out: domains of mailbox providers that this package knows. Written by: python -m tests.generate.disposable
"""


def text(domains: Iterable[str], release: str) -> str:
    """Return the file for the domains of a release."""
    known = {*mailbox_domains(), *(domain for provider in Knowledge.builtin().providers for domain in provider.domains)}
    kept = {domain.strip().lower() for domain in domains} - known
    return _HEADER.format(package=_PACKAGE, version=release) + "".join(f"{domain}\n" for domain in sorted(kept))


def main() -> int:
    from disposable_email_domains import blocklist  # type: ignore[import-not-found] # installed for this only

    (ROOT / NAME).write_text(text(blocklist, version(_PACKAGE)), encoding="utf-8", newline="\n")
    print(f"{NAME}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
