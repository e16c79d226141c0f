"""MIME messages: from octets to a tree of parts, with every repair recorded; see docs/explanation/architecture.md."""
