"""Rule files that are made rather than written: imported from another program, or drafted from replies; and their schema."""

from __future__ import annotations

from undeliverable.rule_files._drafts import Drafts, draft_rules
from undeliverable.rule_files._foreign import programs
from undeliverable.rule_files._import import ForeignLoss, ImportedRules, import_rules
from undeliverable.rule_files._schema import rule_schema

__all__ = ["Drafts", "ForeignLoss", "ImportedRules", "draft_rules", "import_rules", "programs", "rule_schema"]
