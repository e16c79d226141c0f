"""`python -m undeliverable` is the command `undeliverable`."""

from __future__ import annotations

import sys

from undeliverable.cli import main

if __name__ == "__main__":
    sys.exit(main())
