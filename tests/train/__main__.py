"""See the package."""

from __future__ import annotations

import argparse
import sys
from typing import Final

from tests.train import COMMAND, DATA, ROOT, fit, samples, written
from tests.train.check import cross_validated, report

_PAGE: Final = ROOT / "docs" / "explanation" / "confidence.md"
_BEGIN: Final = "<!-- measured -->\n"
_END: Final = "<!-- end -->\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog=COMMAND, description="Train the second opinion, and measure it by leaving out sources and languages."
    )
    parser.add_argument("--check", action="store_true", help="write nothing, and print what is measured")
    check: bool = parser.parse_args(arguments).check
    known = samples()
    measured = "\n".join(report(cross_validated(known)))
    print(measured)
    if not check:
        before, _, rest = _PAGE.read_text(encoding="utf-8").partition(_BEGIN)
        page = f"{before}{_BEGIN}{measured}\n{_END}{rest.partition(_END)[2]}"
        for path, text in ((DATA, written(fit(known))), (_PAGE, page)):
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"{path.relative_to(ROOT)}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
