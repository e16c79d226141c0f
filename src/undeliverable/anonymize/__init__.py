"""Make mail and logs fit to be shared: what names somebody is replaced, and the verdict stays the same.

:class:`Anonymizer` replaces addresses, names, hosts, network addresses, ids, subjects and bodies, each by the same other one
for a whole run. It reads the result again: what it returns says whether the verdict is the same, and whether anything of the
original is left.
"""

from __future__ import annotations

from undeliverable.anonymize._anonymizer import KEPT, Anonymized, Anonymizer

__all__ = ["KEPT", "Anonymized", "Anonymizer"]
