"""How time grows with size: by the CPU time of this process, and in comparison, since a busy machine takes many times as long as an idle one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

LINEAR: Final = 40
"""How many times as long ten times as much may take: about 10 where time is linear, 100 where it is quadratic."""
_LEAST: Final = 0.0005  # seconds, below which a time says little


def growth(work: Callable[[int], object], size: int, tries: int = 3) -> float:
    """Return how many times as long `work(size)` takes as a tenth of it, both by the shortest of several tries."""

    def shortest(number: int) -> float:
        return min(_seconds(work, number) for _ in range(tries))

    return shortest(size) / max(shortest(size // 10), _LEAST)


def _seconds(work: Callable[[int], object], number: int) -> float:
    began = time.process_time()
    work(number)
    return time.process_time() - began
