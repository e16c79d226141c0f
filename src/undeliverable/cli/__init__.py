"""The command `undeliverable`: a thin layer over the public API, for people and for shell scripts."""

from __future__ import annotations

from undeliverable.cli._main import main

__all__ = ["main"]
