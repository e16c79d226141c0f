"""What callers hold: one :class:`Verdict` per recipient, gathered in a :class:`Report`.

Attributes are named as the keys of the public record, which :meth:`Report.to_dict` returns. A verdict is complete: it
never looks anything up, so that it says the same in another process or under other knowledge.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from undeliverable._text.dates import date_text
from undeliverable._text.record import Record
from undeliverable.codes import ReplyCode, StatusCode
from undeliverable.model import Action, Command, Event, Evidence, FieldBlock, MessageFacts
from undeliverable.reasons import Advice, AppliesTo, BounceType, Fault, MessageAdvice, Reason
from undeliverable.verdict._explanation import Explanation, ExplanationLine
from undeliverable.verdict._facts import event_record, message_record
from undeliverable.verdict._refs import NO_DETAILS, Details, PolicyRef, RuleRef
from undeliverable.verdict._slots import DefaultWait, PolicyWait, find_later
from undeliverable.verdict._views import ReportViews, VerdictViews
from undeliverable.verdict._words import SCHEMA, TEXTS, VERDICT_KEYS, Kind, Proof, ProviderFrom, StatusFrom

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Final, Self

__all__ = [
    "GUESSED",
    "INSIDE",
    "NO_DETAILS",
    "OWN_LOOK_UP",
    "SCHEMA",
    "UNPROVEN",
    "UNSURE",
    "DefaultWait",
    "Details",
    "Explanation",
    "ExplanationLine",
    "Kind",
    "PolicyRef",
    "PolicyWait",
    "Proof",
    "ProviderFrom",
    "Report",
    "RuleRef",
    "StatusFrom",
    "Verdict",
]

GUESSED: Final = "nobody is named: the recipient is a guess by the returned message"
"""The conflict in the verdict of a report that names no recipient."""
UNSURE: Final = "only words say so, of software that no sign shows to be a mail system"
"""The conflict in the verdicts of a report that may be a person's."""
INSIDE: Final = "the report stands inside another message: it is about somebody else's mail"
"""The conflict in each verdict of a report that a message passes on."""
UNPROVEN: Final = "unproven: "
"""The start of the conflict in a verdict that is not proven to concern a message of your own."""
OWN_LOOK_UP: Final = "refused by the look-up of one's own suppression list: no news about the recipient"
"""The remark on a report whose recipients were all refused so."""

_NOTHING: Final[dict[str, object]] = {**dict.fromkeys(VERDICT_KEYS)}
"""The public record of a recipient before anything is filled in."""


class Identified(FieldBlock):
    """What keeps the text that its key is a digest of, and its reply as rules saw it: whole, or None."""

    __slots__ = ("_identity", "_seen")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Verdict(VerdictViews, Identified):
    """What became of one recipient, why, and what follows.

    ``bounce_type`` and ``reason`` are None where nothing failed (delivered recipients) or where the kind of the
    report says all (complaints, automatic replies). ``status`` is the final answer's status and ``status_from``
    whose it is; ``reported_status`` is the ``Status`` field as it stood. ``reply`` is the final reply's text, or
    the reporting server's own words where no remote server replied; ``reply_code`` is set only if an SMTP server sent
    it. ``rule`` found the reason and ``policy`` set the bounce type (None: the reason's own). ``shadowed``
    holds what else matched, only when asked for with ``trace=True``. ``key`` is the same for the same failure,
    whichever function read it. ``evidence`` holds the words that the facts were read from, and ``field_block`` the
    recipient's delivery status fields, which :meth:`field` gives by name. ``details`` holds what some replies give in
    addition: :attr:`blocklist`, :attr:`retry_after` and others.

    ``recipient``, ``bounce_type`` and ``reason`` speak of the address that failed. ``sent_to`` is the address that was
    mailed, and ``advice`` is about it: where a forwarder or an alias passed the mail on, the two differ, and the death
    of the one is no reason to suppress the other.

    ``message_advice`` is about this one message: a full mailbox is soft for the address, and a 552 ends the message all
    the same. ``applies_to`` says what else the refusal is about, and ``retry_after`` after how many seconds to try again:
    as the reply asks, else by default, and None where it is given up; all three are None where nothing was refused. ``provider`` is who received the
    mail, and ``provider_from`` what says so. ``set_by`` pairs each consequence with the policy that set it, and
    :attr:`policies` is the same as a mapping. ``confidence`` says how far the bounce type can be relied on: ``high``,
    ``medium`` or ``low``, None where nothing failed. ``proof`` says what proves that the verdict is about a message of
    your own (None: nobody asked), and ``token`` which signed token did: ``KEY/DAY/ID``, the day as ISO 8601 has it.
    """

    recipient: str | None
    original_recipient: str | None
    action: Action | None
    bounce_type: BounceType | None
    reason: Reason | None
    fault: Fault | None
    advice: Advice | None
    label: str | None
    status: StatusCode | None
    status_from: StatusFrom | None
    reported_status: StatusCode | None
    reply_code: ReplyCode | None
    reply: str | None
    command: Command | None
    remote_mta: str | None
    provider: str | None
    expired: bool
    rule: RuleRef | None
    policy: PolicyRef | None
    shadowed: tuple[RuleRef, ...] | None
    conflicts: tuple[str, ...]
    last_attempt_date: datetime | None
    will_retry_until: datetime | None
    vendor_code: str | None
    key: str
    evidence: tuple[Evidence, ...] = ()
    field_block: str = ""
    details: Details = NO_DETAILS
    sent_to: str | None = None
    proof: Proof | None = None
    confidence: str | None = None
    provider_from: ProviderFrom | None = None
    set_by: tuple[tuple[str, PolicyRef], ...] = ()
    message_advice: MessageAdvice | None = None
    applies_to: AppliesTo | None = None
    retry_after: int | None = None
    token: str | None = None

    @property
    def policies(self) -> Mapping[str, PolicyRef]:
        """Return for each consequence that a policy set (``bounce_type``, ``advice``, ...) the policy."""
        return dict(self.set_by)

    @property
    def blocklist(self) -> str | None:
        """Return the name of the DNS blocklist that the reply names."""
        return self.details.blocklist

    @property
    def help_url(self) -> str | None:
        """Return the page that the reply refers to."""
        return self.details.help_url

    @property
    def auth_mechanism(self) -> str | None:
        """Return what did not pass: ``spf``, ``dkim``, ``dmarc``, ``arc``, ``ptr`` or ``tls``."""
        return self.details.auth_mechanism

    @property
    def size_limit(self) -> int | None:
        """Return the octets that the reply allows in a message."""
        return self.details.size_limit

    def to_dict(self) -> dict[str, object]:
        """Return the public record of this recipient: strings, integers, booleans, lists and None only."""
        # Each of these is looked up in a function: once.
        rule, policy, status, reported = self.rule, self.policy, self.status, self.reported_status
        last, until, code, shadowed = self.last_attempt_date, self.will_retry_until, self.reply_code, self.shadowed
        stated = None if status is None else str(status)
        record = _NOTHING.copy()  # in a third of the time that a display of so many keys takes
        record["recipient"] = self.recipient
        record["original_recipient"] = self.original_recipient
        record["action"] = TEXTS[self.action]
        record["bounce_type"] = TEXTS[self.bounce_type]
        record["reason"] = TEXTS[self.reason]
        record["fault"] = TEXTS[self.fault]
        record["advice"] = TEXTS[self.advice]
        record["label"] = self.label
        record["status"] = stated
        record["status_from"] = TEXTS[self.status_from]
        record["reported_status"] = stated if reported is status else None if reported is None else str(reported)
        record["reply_code"] = None if code is None else int(code)
        record["reply"] = self.reply
        record["command"] = TEXTS[self.command]
        record["remote_mta"] = self.remote_mta
        record["provider"] = self.provider
        record["expired"] = self.expired
        record["rule"] = None if rule is None else rule.to_dict()
        record["policy"] = None if policy is None else policy.to_dict()
        record["shadowed"] = None if shadowed is None else [other.to_dict() for other in shadowed]
        record["conflicts"] = [*self.conflicts]
        record["last_attempt_date"] = None if last is None else date_text(last)
        record["will_retry_until"] = None if until is None else date_text(until)
        self._add_consequences(record)
        return record

    def _add_consequences(self, record: dict[str, object]) -> None:
        """Add what is looked up when it is first asked for, and what follows from the verdict."""
        details = self.details
        record["vendor_code"] = self.vendor_code
        record["key"] = self.key
        record["blocklist"] = details.blocklist
        record["retry_after"] = self.retry_after
        record["help_url"] = details.help_url
        record["auth_mechanism"] = details.auth_mechanism
        record["size_limit"] = details.size_limit
        record["sent_to"] = self.sent_to
        record["proof"] = TEXTS[self.proof]
        record["confidence"] = self.confidence
        record["provider_from"] = TEXTS[self.provider_from]
        record["policies"] = {key: policy.to_dict() for key, policy in self.set_by} if self.set_by else {}
        record["message_advice"] = TEXTS[self.message_advice]
        record["applies_to"] = TEXTS[self.applies_to]
        record["token"] = self.token

    @classmethod
    def from_dict(cls, record: Mapping[str, object]) -> Self:
        """Return the verdict of a public record: all that :meth:`to_dict` gives, but neither evidence nor field block.

        :raises ValueError: when it is no such record; the message names the key and the valid values.
        """
        from undeliverable.verdict._records import verdict_values

        return cls(**verdict_values(record))

    def __str__(self) -> str:
        """Return what happened in one sentence, the first line of :meth:`explain`."""
        from undeliverable._verdicts.explain import headline

        return headline(self)

    def explain(self, verbose: bool = False, lang: str = "en") -> str:  # noqa: FBT001, FBT002 # verdict.explain(True) reads well
        """Return several lines for people that say why, without a line ending at the end.

        The first is a sentence that says what happened. Below stand the words that decided, between guillemets, whose
        fault it is, and what to do next. They depend on this object alone: it works after pickling.

        :param verbose: also show the machinery: the rule with its layer, source and the places of its words, the policies,
            what was shadowed (after ``trace=True``), which sources disagreed, and the evidence.
        :param lang: the language of the sentences: ``en`` or ``de``. The machinery is in English.
        :raises ValueError: for an unknown language.
        """
        from undeliverable._verdicts.explain import explain

        return explain(self, verbose=verbose, lang=lang)

    def explanation(self, lang: str = "en", *, providers: Iterable[Any] = ()) -> Explanation:
        """Return what :meth:`explain` says, in parts: to be shown in another form than as text.

        :param providers: providers of your own (:attr:`undeliverable.knowledge.Knowledge.providers`), whose pages for
            senders are shown.
        :raises ValueError: for an unknown language.
        """
        from undeliverable._verdicts.explain import explanation

        return explanation(self, lang, providers=providers)

    def matched(self, rule: RuleRef) -> tuple[str, ...]:
        """Return the words of the reply that `rule` looks for, as they stand there; none if it asks for codes alone.

        :param rule: the rule that found the reason, or one of ``shadowed``.
        """
        from undeliverable._verdicts.explain import matched

        return matched(self, rule)


find_later(Verdict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Report(ReportViews, Record):
    """What one message, log record or notification says: a collection of verdicts, true even where it has none.

    :ivar source: the caller's name for the input, such as a path; None unless given.
    :ivar remarks: what had to be repaired or guessed.
    :ivar received: when it reached you: the time of a mailbox or of your own log, which a sender cannot choose; None
        where nobody says. :func:`undeliverable.read` fills it.
    """

    kind: Kind
    verdicts: tuple[Verdict, ...] = ()
    message: MessageFacts = MessageFacts()
    event: Event | None = None
    remarks: tuple[str, ...] = ()
    source: str | None = None
    received: datetime | None = None

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __len__(self) -> int:
        return len(self.verdicts)

    def __bool__(self) -> bool:
        """Return True: a report without verdicts is a report all the same."""
        return True

    @property
    def hard(self) -> tuple[Verdict, ...]:
        """Return the verdicts on recipients that failed for good."""
        return tuple(verdict for verdict in self.verdicts if verdict.is_hard)

    @property
    def soft(self) -> tuple[Verdict, ...]:
        """Return the verdicts on recipients that failed for now."""
        return tuple(verdict for verdict in self.verdicts if verdict.bounce_type is BounceType.SOFT)

    @property
    def is_own_look_up(self) -> bool:
        """True if your own suppression list made your own mail server refuse the message; nothing follows from that."""
        return OWN_LOOK_UP in self.remarks

    def matches(self, *, message_ids: Container[str] = (), envelope_ids: Container[str] = ()) -> bool:
        """Return whether the report is about a message with one of these Message-IDs or envelope ids (RFC 3461 4.4).

        Anything that answers ``in`` will do: a set, or an object that looks into a database. Message-IDs are asked for
        with their angle brackets and without. Ids are known to whoever got the message: that alone is no proof.
        """
        returned = self.message.returned
        message_id = ("" if returned is None else returned.message_id or "").strip().strip("<>")
        if message_id and (f"<{message_id}>" in message_ids or message_id in message_ids):
            return True
        envelope_id = self.message.original_envelope_id
        return envelope_id is not None and envelope_id in envelope_ids

    def proved(self, proof: Proof) -> Report:
        """Return the report with all its verdicts proved by `proof`: for what you verified yourself, such as a signature."""
        proof = Proof(proof)
        return replace(self, verdicts=tuple(replace(verdict, proof=proof) for verdict in self.verdicts))

    def explain(self, verbose: bool = False, lang: str = "en") -> str:  # noqa: FBT001, FBT002 # as of a verdict
        """Return the explanations of all verdicts, or what a report without any says; as :meth:`Verdict.explain`."""
        from undeliverable._verdicts.explain import explain_report

        return explain_report(self, verbose=verbose, lang=lang)

    def explanations(self, lang: str = "en", *, providers: Iterable[Any] = ()) -> tuple[Explanation, ...]:
        """Return an explanation of each verdict, or one of the report where it has none; as :meth:`Verdict.explanation`."""
        from undeliverable._verdicts.explain import report_explanations

        return report_explanations(self, lang, providers=providers)

    def to_dict(self) -> dict[str, object]:
        """Return the public record: one JSON object, the same keys in the same order for every report."""
        return {
            "schema": SCHEMA,
            "source": self.source,
            "kind": TEXTS[self.kind],
            "message": message_record(self.message),
            "event": None if self.event is None else event_record(self.event),
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "remarks": list(self.remarks),
            "received": date_text(self.received),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, object]) -> Self:
        """Return the report of a public record of version 1 or 2, with the verdicts that it holds: nothing is judged anew.

        Of the returned message it has the headers that the record keeps. Keys that are not known are ignored.

        :raises ValueError: when it is no such record; the message names the key and the valid values.
        """
        from undeliverable.verdict._records import report_values

        values: dict[str, Any] = report_values(record)
        values["verdicts"] = tuple(Verdict(**one) for one in values["verdicts"])
        return cls(**values)
