"""`--return-path`, `--keys`, `--days` and `--sent`: by what bounces are proved."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from undeliverable.cli._command import UsageError

if TYPE_CHECKING:
    from undeliverable.proof import Prover, SentTable
    from undeliverable.verp import Signer

__all__ = ["add_proof_options", "prover_of"]


def add_proof_options(parser: ArgumentParser) -> None:
    """Declare `--return-path`, `--keys`, `--days` and `--sent`."""
    parser.add_argument(
        "--return-path",
        metavar="PATTERN",
        help="the signed return path of your mail, such as bounces+{token}@example.com; verdicts that nothing proves are marked",
    )
    parser.add_argument(
        "--keys",
        metavar="FILE",
        help="the keys of the signatures, one per line: an id of one letter or digit, and the secret in hex; "
        "nobody else may read the file",
    )
    parser.add_argument(
        "--days",
        metavar="DAYS",
        type=int,
        default=10,
        help="how long the signature of a bounce is valid (10; those of automatic replies and complaints 30, or as long)",
    )
    parser.add_argument(
        "--sent",
        metavar="FILE",
        help="what you mailed: CSV or JSON Lines with the columns recipient, id (that of the signature), message_id",
    )


def prover_of(options: Namespace) -> Prover | None:
    """Return the prover that the options describe, or None without any; raise UsageError when they cannot be used."""
    if options.return_path is None and options.keys is None and options.sent is None:
        return None
    if (options.return_path is None) is not (options.keys is None):
        raise UsageError("--return-path and --keys must be given together")
    from undeliverable.proof import Prover  # most runs do without

    return Prover(
        None if options.keys is None else _signer(options), None if options.sent is None else _sent(options.sent)
    )


def _signer(options: Namespace) -> Signer:
    from undeliverable.verp import Signer, read_keys

    try:
        keys = read_keys(options.keys)
        return Signer(options.return_path, keys, days=options.days, auto_reply_days=max(options.days, 30))
    except OSError as error:
        raise UsageError(f"{options.keys}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{options.keys}: {error}") from None


def _sent(path: str) -> SentTable:
    from undeliverable.proof import SentTable

    try:
        return SentTable.from_file(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(str(error)) from None
