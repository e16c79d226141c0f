"""Which build this is. The module is compiled where others are, and small, since `import undeliverable` loads it."""

from __future__ import annotations

__all__ = ["is_compiled"]


def is_compiled() -> bool:
    """Return whether this function is compiled: interpreted ones have bytecode."""
    return not hasattr(is_compiled, "__code__")
