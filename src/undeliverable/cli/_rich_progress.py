"""The bar of rich, for terminals."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

__all__ = ["RichBar"]

_STEPS: Final = 1000


class RichBar:
    """A bar that is drawn only when asked to: no thread of its own writes into the output."""

    def __init__(self) -> None:
        self._progress = Progress(
            BarColumn(30),
            TaskProgressColumn(),
            TextColumn("{task.description}", markup=False),
            console=Console(stderr=True),
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("", total=_STEPS)

    def draw(self, share: float | None, text: str) -> None:
        """Draw the bar, with the text behind it; no share is work without a known end."""
        total = None if share is None else _STEPS
        self._progress.update(self._task, total=total, completed=(share or 0) * _STEPS, description=text)
        self._progress.start()
        self._progress.refresh()

    def clear(self) -> None:
        """Take the bar away; the next drawing brings it back."""
        if self._progress.live.is_started:
            self._progress.stop()
