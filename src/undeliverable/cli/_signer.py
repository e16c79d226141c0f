"""`--return-path` and `--keys`: signed return paths on the command line."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Final

from undeliverable.cli._command import UsageError

if TYPE_CHECKING:
    from undeliverable.verp import Signer

__all__ = ["add_signer_options", "signer_of"]

_MOST: Final = 1 << 16


def add_signer_options(parser: ArgumentParser) -> None:
    """Declare `--return-path`, `--keys` and `--days`."""
    parser.add_argument(
        "--return-path",
        metavar="PATTERN",
        help="the signed return path of your mail, such as bounces+{token}@example.com; verdicts without a valid one are marked",
    )
    parser.add_argument(
        "--keys",
        metavar="FILE",
        help="the keys of the signatures, one per line: an id of one letter or digit, and the secret in hex",
    )
    parser.add_argument("--days", metavar="DAYS", type=int, default=30, help="how long a signature is valid (30)")


def signer_of(options: Namespace) -> Signer | None:
    """Return the signer that the options describe, or None; raise UsageError when they cannot be used."""
    if options.return_path is None and options.keys is None:
        return None
    if options.return_path is None or options.keys is None:
        raise UsageError("--return-path and --keys must be given together")
    from undeliverable.verp import Signer  # most runs do without

    try:
        return Signer(options.return_path, _keys(options.keys), days=options.days)
    except (OSError, ValueError) as error:
        raise UsageError(f"{options.keys}: {error}") from None


def _keys(path: str) -> dict[str, bytes]:
    with open(path, encoding="ascii") as file:
        lines = [line.split() for line in file.read(_MOST).splitlines() if line.strip() and not line.startswith("#")]
    keys: dict[str, bytes] = {}
    for words in lines:
        # The message must not show a secret.
        if len(words) != 2 or words[0] in keys:
            raise ValueError("each line must hold a unique id and a secret")
        keys[words[0]] = bytes.fromhex(words[1])
    return keys
