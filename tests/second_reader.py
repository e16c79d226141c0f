"""Print the replies of a file on which the second opinion contradicts the rules: ``python -m tests.second_reader FILE``.

The file has a reply in each line, or JSON objects with ``text`` and, where known, ``host`` and ``command``. What is printed is
to be read by a person: either a rule is wrong there, or the model is.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from undeliverable import Knowledge, Verdict, classify
from undeliverable._rules.confidence import view_of
from undeliverable._rules.opinion import View

__all__ = ["contradictions", "main"]

_SURE: Final = 0.8
_UNLIKELY: Final = 0.05
_RULES: Final = Knowledge.builtin().without_opinion()


def contradictions(lines: Iterator[str] | list[str]) -> Iterator[tuple[Verdict, View]]:
    """Yield the verdicts of the rules alone that the second opinion contradicts, with that opinion."""
    for line in lines:
        row = json.loads(line) if line.startswith("{") else {"text": line}
        if not row["text"].strip():
            continue
        verdict = classify(row["text"], host=row.get("host"), command=row.get("command"), knowledge=_RULES)
        view = view_of(_RULES.second.view, verdict)
        if view is None or verdict.reason is None:
            continue
        if view.share(view.top) >= _SURE and view.share(verdict.reason) <= _UNLIKELY:
            yield verdict, view


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.second_reader", description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path, help="a reply in each line, or JSON objects with a text")
    path: Path = parser.parse_args(arguments).file
    for verdict, view in contradictions(path.read_text(encoding="utf-8").splitlines()):
        named = verdict.rule.id if verdict.rule is not None else "no rule"
        print(f"{verdict.reply}\n  {verdict.bounce_type} {verdict.reason} ({named})")
        print(
            f"  {100 * view.share(view.top):.0f} % {view.why(view.top)}\n  {view.why(verdict.reason)}"
            if verdict.reason
            else ""
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
