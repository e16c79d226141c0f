"""One target under atheris: `python -m tests.fuzz.guided TARGET [options of libFuzzer] [corpus]`."""

from __future__ import annotations

import sys

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

with atheris.instrument_imports(include=["undeliverable"]):
    import undeliverable  # noqa: F401

from tests.fuzz.targets import TARGETS, timed

if __name__ == "__main__":
    chosen = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, lambda data: timed(chosen, data))
    atheris.Fuzz()
