"""What verdicts are made from again and again: messages, replies, lines of logs, and records of our own.

Each is read once and judged by as many bodies of knowledge as a command compares.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from undeliverable import Knowledge, Report, Verdict, classify, parse
from undeliverable.cli._command import Known, warn
from undeliverable.files import Inbox, Mail, RecordError, report_of
from undeliverable.logs import LogReader

__all__ = ["Corpus", "Item", "Judge", "add_corpus_arguments", "corpus_of"]

_MAIL, _REPLY, _LINE, _RECORD = range(4)


@dataclass(frozen=True, slots=True)
class Item:
    """One message, reply, line of a log or record.

    :ivar kind: how it is judged.
    :ivar source: its place: the file, and the number of the message or line.
    :ivar raw: its bytes.
    :ivar old: the report that a record holds.
    """

    kind: int
    source: str
    raw: bytes
    old: Report | None = None

    def subject_of(self, verdict: Verdict) -> str | None:
        """Return what a verdict on it is about: the reply itself, or the recipient."""
        return self.raw.decode(errors="replace").strip() if self.kind == _REPLY else verdict.recipient


def add_corpus_arguments(parser: ArgumentParser) -> None:
    """Declare the paths, `--log` and `--replies`."""
    parser.add_argument(
        "paths", metavar="PATH", nargs="+",
        help="messages, folders and mailboxes as for classify; or records (.jsonl) written by classify or serve",
    )  # fmt: skip
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--log", action="store_true", help="the paths are mail server logs")
    form.add_argument("--replies", action="store_true", help="the paths are text files with one SMTP reply per line")


def corpus_of(options: Namespace) -> Corpus:
    """Return what the command line names."""
    return Corpus(options.paths, is_log=options.log, is_replies=options.replies)


class Corpus:
    """Iterate over the messages, replies, lines or records below some paths; what cannot be read is reported and skipped."""

    def __init__(self, paths: Sequence[str], *, is_log: bool = False, is_replies: bool = False) -> None:
        self._inbox = Inbox(paths, warn=warn, is_log=is_log or is_replies)
        self._kind = _REPLY if is_replies else _LINE if is_log else _MAIL

    def __iter__(self) -> Iterator[Item]:
        for mail in self._inbox:
            if mail.is_record:
                yield from _recorded(mail)
            elif self._kind != _REPLY or (mail.raw.strip() and not mail.raw.startswith(b"#")):
                yield Item(self._kind, mail.source, mail.raw)


def _recorded(mail: Mail) -> Iterator[Item]:
    """Yield a record as an item; warn of a line that is none."""
    try:
        report = report_of(mail, parse)
    except RecordError as error:
        warn(str(error))
    else:
        yield Item(_RECORD, mail.source, mail.raw, report)


class Judge:
    """One body of knowledge, which remembers the lines of a log that belong together.

    :param known: what the command knows beside the mail, for policies that ask.
    """

    def __init__(self, knowledge: Knowledge, known: Known) -> None:
        self.knowledge = knowledge
        self._known = known
        self._log = LogReader(knowledge=knowledge, **known)

    def verdicts(self, item: Item) -> Sequence[Verdict] | None:
        """Return the verdicts on an item; None where it says nothing of a delivery."""
        return _VERDICTS[item.kind](self, item)

    def of_mail(self, item: Item) -> Sequence[Verdict]:
        """Judge a message."""
        return parse(item.raw, knowledge=self.knowledge, **self._known).verdicts

    def of_reply(self, item: Item) -> Sequence[Verdict]:
        """Judge a reply."""
        return (classify(item.raw.strip(), knowledge=self.knowledge, **self._known),)

    def of_line(self, item: Item) -> Sequence[Verdict] | None:
        """Judge a line of a log."""
        report = self._log.feed(item.raw, source=item.source)
        return None if report is None else report.verdicts

    def of_record(self, item: Item) -> Sequence[Verdict]:
        """Judge the failures of a record anew, by their replies or else their codes."""
        assert item.old is not None
        return [self._again(verdict) for verdict in item.old.verdicts if verdict.bounce_type is not None]

    def _again(self, old: Verdict) -> Verdict:
        codes = " ".join(str(code) for code in (old.reply_code, old.status) if code is not None)
        return classify(
            old.reply or codes,
            host=old.remote_mta,
            command=old.command,
            recipient=old.recipient,
            knowledge=self.knowledge,
            **self._known,
        )


_VERDICTS: Final[Mapping[int, Callable[[Judge, Item], Sequence[Verdict] | None]]] = {
    _MAIL: Judge.of_mail,
    _REPLY: Judge.of_reply,
    _LINE: Judge.of_line,
    _RECORD: Judge.of_record,
}
