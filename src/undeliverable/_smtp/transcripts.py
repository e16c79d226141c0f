"""Transcripts of an SMTP session inside a report: who was refused, by which reply, to which command.

Two shapes: ``>>> RCPT TO:<...>`` with ``<<< 550 ...``, and ``In:`` with ``Out:``. The final reply is the last attempt's
negative reply that caused the recipient's failure. Two things mislead. With pipelining (RFC 2920) the client has sent
DATA before it reads the reply to RCPT, so a transcript shows the refused RCPT behind ``>>> DATA``; and the 503 or 554
that DATA then earns is a consequence, never a cause. What the reporting server writes under a remote reply
(``550 5.1.1 <kim@example.org>... User unknown``) names the recipient but is no reply.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from undeliverable._smtp.commands import COMMANDS
from undeliverable._smtp.grammar import (
    DIALOGUE_MARKS,
    GENERAL,
    LISTED,
    MARKED,
    NO_RECIPIENTS,
    OUTCOME,
    OUTCOMES,
    PROGRAM,
    SESSION,
    UNAVAILABLE,
    VERB,
)
from undeliverable._smtp.replies import parse_reply, says_expired
from undeliverable._text.addresses import addresses_in
from undeliverable._text.drain import each_once
from undeliverable.model import (
    Action,
    Command,
    Diagnostic,
    Evidence,
    Protocol,
    RecipientFacts,
    Reply,
    Witness,
    words_of,
)
from undeliverable.model._made import make_evidence, make_facts, make_reply

__all__ = ["may_stand_in", "read_dialogue"]

_PIECE: Final = 65_536  # characters of a text that are taken apart together
_LINES: Final = (
    2_048  # lines of one reply before its last one: a server that never ends its reply would fill the memory
)
_MARKS: Final = frozenset("<>-IOCS")  # what a mark of MARKED begins with
_REPLY_CLASSES: Final = frozenset("2345")  # RFC 5321 4.2.1
_BEGINNINGS: Final = _MARKS | _REPLY_CLASSES | {"."}  # of all lines that say anything


class _Outcome(NamedTuple):
    """A line of the reporting server about one recipient: ``<kim@example.org>... Deferred: ...``.

    :ivar cause: the line above, where a local program says why; then the server's own words say nothing.
    """

    recipient: str
    words: str
    offset: int
    code: str | None
    word: str
    cause: str = ""


class _Answer:
    """A negative reply of the remote server, and the recipients that it is known to concern."""

    __slots__ = ("addressee", "concerns_all", "host", "led_to_no_recipients", "named", "offset", "reply", "verb")

    def __init__(self, reply: Reply, offset: int, verb: str, addressee: str | None, host: str | None) -> None:
        self.reply = reply
        self.offset = offset
        self.verb = verb
        self.addressee = addressee
        self.host = host
        self.named: list[_Outcome] = []
        self.led_to_no_recipients = False
        self.concerns_all = False


class _Transcript:
    """What has been read so far.

    ``verb`` is the last command sent, empty before the first one; ``general`` is the reporting server's first line about
    the message as a whole, with its place; ``consequence`` the last reply that merely followed from another one;
    ``opened`` and ``settled`` count the answers before this attempt, and those whose DATA has been judged.
    """

    def __init__(self, listed: dict[str, None]) -> None:
        self.listed = listed
        self.answers: list[_Answer] = []
        self.alone: list[_Outcome] = []
        self.consequence: _Answer | None = None
        self.general: tuple[str, int] | None = None
        self.host: str | None = None
        self.verb = ""
        self.addressee: str | None = None
        self.opened = 0
        self.settled = 0
        self.lines: list[str] = []
        self.offset = 0
        self.protocol: Protocol | None = None


def may_stand_in(text: str) -> bool:
    """Return whether it is worth while to :func:`read_dialogue` in `text`."""
    return any(map(text.__contains__, DIALOGUE_MARKS))


def read_dialogue(text: str, part: str) -> tuple[RecipientFacts, ...]:
    """Return what the transcript in `text` says, one :class:`RecipientFacts` per recipient that it names.

    A refusal for which no recipient is named gives facts without one. Recipients that were merely
    deferred have the action ``delayed``, unless the transcript says that the queue gave up.

    :param part: the path of the part that `text` is from.
    """
    marks = [mark for mark in DIALOGUE_MARKS if mark in text]
    if not marks:
        return ()
    # The line with the first mark may have a command above it: "C: RCPT TO:<kim@example.org>", then "S: 550 ...".
    return _read_transcript(text, text.rfind("\n\n", 0, min(map(text.find, marks))) + 1, part)


def _read_transcript(text: str, at: int, part: str) -> tuple[RecipientFacts, ...]:
    """Return the same of the lines from `at` on."""
    state = _Transcript(dict.fromkeys(LISTED.findall(text)))
    above, size = "", len(text)
    while at < size:  # not all lines of a long text at once
        stop = text.find("\n", at + _PIECE)
        for line in text[at : stop if stop >= 0 else size].split("\n"):
            if "... " in line or line.lstrip(" \t")[:1] in _BEGINNINGS:
                _read_line(state, line, at)
                if line.endswith(UNAVAILABLE) and PROGRAM.match(above) is not None:
                    _note_cause(state, above.strip(), at)
            above = line
            at += len(line) + 1
    _end_reply(state)
    return _facts(state, part, gave_up=says_expired(text))


def _read_line(state: _Transcript, line: str, at: int) -> None:
    begin = line.lstrip(" \t")[:1]
    marked = MARKED.match(line) if begin in _MARKS else None
    if marked is not None:
        _read_marked(state, marked[2].strip(), at)
        return
    session = SESSION.match(line) if begin == "." else None
    if session is not None:
        _begin_session(state, session[1].rstrip("."))
        return
    outcome = OUTCOME.match(line) if "... " in line else None
    if outcome is not None:
        _end_reply(state)
        word = outcome[3].partition(" ")[0].strip(":;,.").lower()
        _note_outcome(state, _Outcome(outcome[2], line.strip(), at, outcome[1], word))
    elif line[:1] in _REPLY_CLASSES and GENERAL.match(line) is not None:
        _end_reply(state)
        for answer in state.answers[-1:]:
            answer.concerns_all = True
        state.general = state.general or (line.strip()[4:], at)  # its own code is no reply that it got


def _note_cause(state: _Transcript, cause: str, at: int) -> None:
    """Note why the line at `at` says that a local program failed, unless a remote server caused it."""
    last = state.alone[-1] if state.alone else None
    if last is not None and last.offset == at:
        state.alone[-1] = last._replace(cause=cause)


def _begin_session(state: _Transcript, host: str) -> None:
    _end_reply(state)
    state.host, state.verb, state.addressee, state.opened = host, "", None, len(state.answers)


def _read_marked(state: _Transcript, words: str, at: int) -> None:
    """Read a line of the session: a reply begins with a code, a command with its name, whatever the mark."""
    if words[:1] in _REPLY_CLASSES and words[:3].isdecimal() and words[3:4] in ("", " ", "-"):
        if not state.lines:
            state.offset = at
        state.lines.append(words)
        if words[3:4] != "-":
            _end_reply(state)
        elif len(state.lines) > _LINES:
            state.lines.pop()
        return
    verb = VERB.match(words)
    if verb is None:
        if 0 < len(state.lines) < _LINES:
            state.lines.append(words)
        return
    _end_reply(state)
    state.verb = verb[1].upper()
    if state.verb in ("EHLO", "HELO", "LHLO"):
        state.protocol = Protocol.LMTP if state.verb == "LHLO" else Protocol.SMTP
    if state.verb in ("MAIL", "RCPT"):
        addresses = addresses_in(words) if state.verb == "RCPT" else []
        state.addressee = addresses[0] if addresses else None
    if COMMANDS.get(state.verb) in (Command.EHLO, Command.MAIL):
        state.opened = len(state.answers)  # a new attempt, RFC 5321 3.3


def _end_reply(state: _Transcript) -> None:
    """Judge the reply whose last line has been read."""
    lines, state.lines = state.lines, []
    if not lines:
        return
    reply = parse_reply("\n".join(lines))
    if reply.code is None or reply.code < 400 or state.verb in ("QUIT", "RSET", "NOOP"):
        _note_consequence(state, reply)
        return
    answer = _Answer(reply, state.offset, state.verb, state.addressee, state.host)
    if _is_consequence(state, reply):
        _note_consequence(state, reply)
        state.consequence = answer
        return
    state.answers.append(answer)


def _is_consequence(state: _Transcript, reply: Reply) -> bool:
    """Return whether `reply` only says that no recipient was left (RFC 2920 3.1), or that the order broke."""
    if reply.code not in (503, 554):
        return False
    if NO_RECIPIENTS.search(reply.text):
        # Where no command is known, the transcript was cut: 503 is no greeting (RFC 5321 4.3.2).
        return state.verb not in ("MAIL", "") or (reply.code == 503 and not state.verb)
    return reply.code == 503 and len(state.answers) > state.opened


def _note_consequence(state: _Transcript, reply: Reply) -> None:
    if reply.code in (503, 554) and NO_RECIPIENTS.search(reply.text):
        for answer in state.answers[max(state.opened, state.settled) :]:
            answer.led_to_no_recipients = True
        state.settled = len(state.answers)


def _note_outcome(state: _Transcript, outcome: _Outcome) -> None:
    """Tie a line about a recipient to the reply above it, unless that is about another one."""
    last = state.answers[-1] if len(state.answers) > state.opened else None
    if last is not None and (_is_refusal_by(last, outcome) or _is_deferral_by(last, outcome)):
        last.named.append(outcome)
    else:
        state.alone.append(outcome)


def _is_refusal_by(answer: _Answer, outcome: _Outcome) -> bool:
    """Return whether `outcome` is a failure by the reply: the first line under it, or one with the same words.

    Another one in other words had no reply: ``550 5.1.2 <lee@example.net>... Host unknown``.
    """
    if outcome.word in OUTCOMES:
        return False
    first = answer.named[0].words.partition("... ")[2] if answer.named else ""
    return not first or first == outcome.words.partition("... ")[2]


def _is_deferral_by(answer: _Answer, outcome: _Outcome) -> bool:
    """Return whether `outcome` is a deferral that quotes the reply's first line, or nothing at all."""
    words = outcome.words
    return outcome.word == "deferred" and (answer.reply.text[:40] in words or words.endswith("Deferred"))


# ----------------------------------------------------------------------------------------------------------------
# From replies and lines to facts


def _facts(state: _Transcript, part: str, *, gave_up: bool) -> tuple[RecipientFacts, ...]:
    found: dict[str | None, RecipientFacts] = {}
    for outcome in state.alone:
        found[outcome.recipient] = _own_facts(outcome, part, gave_up=gave_up)
    if state.consequence is not None and not state.answers and not state.alone:
        state.answers.append(state.consequence)  # the cause is not shown, so this is all that the server said
    for answer in each_once(state.answers):
        _add_answer(found, state, answer, part, gave_up=gave_up)
    if not found and state.general is not None:
        words, offset = state.general
        evidence = Evidence(Witness.WORDS, part, offset, words_of(words))
        found[None] = RecipientFacts(witness=Witness.WORDS, diagnostic=Diagnostic("", words), evidence=(evidence,))
    return tuple(found.values())


def _add_answer(
    found: dict[str | None, RecipientFacts], state: _Transcript, answer: _Answer, part: str, *, gave_up: bool
) -> None:
    """Add an answer; it replaces what an earlier attempt said of the same recipient."""
    command = _command(state, answer)
    reply = make_reply(answer.reply.code, answer.reply.status, answer.reply.text, command)
    evidence = (make_evidence(Witness.DIALOGUE, part, answer.offset, words_of(answer.reply.text)),)
    for recipient, outcome in _concerned(state, answer):
        action = None if outcome is None else OUTCOMES.get(outcome.word)
        expired = gave_up and action is Action.DELAYED
        found.pop(recipient, None)
        found[recipient] = make_facts(
            Witness.DIALOGUE,
            recipient=recipient,
            action=Action.FAILED if expired else action,
            reply=reply,
            command=command,
            remote_mta=answer.host,
            expired=expired,
            evidence=evidence,
            protocol=state.protocol,
        )


def _concerned(state: _Transcript, answer: _Answer) -> list[tuple[str | None, _Outcome | None]]:
    """Return the recipients that the answer concerns: named under it, in it, or alone in the report."""
    if answer.named:
        return [(outcome.recipient, outcome) for outcome in answer.named]
    if answer.addressee is not None and answer.verb == "RCPT":
        return [(answer.addressee, None)]
    named = [name for name in addresses_in(answer.reply.text) if name in state.listed]
    if named:
        return [(named[0], None)]
    return [(next(iter(state.listed)) if len(state.listed) == 1 else None, None)]


def _command(state: _Transcript, answer: _Answer) -> Command | None:
    """Return the command that the answer replied to; behind ``>>> DATA`` it may be RCPT.

    It was RCPT if DATA then found no recipient, if the reporting server put its line about the recipient under it, or
    if the reply names a recipient and no line about the whole message stands under it. Else it answered the end of the message: refusals of content come there, and a
    transcript shows no further command. RFC 5321 3.3, RFC 2920 3.1.
    """
    if not answer.verb:
        return Command.CONNECT
    if answer.verb != "DATA" or answer is state.consequence:
        return COMMANDS.get(answer.verb)
    if answer.led_to_no_recipients or any(outcome.code is not None for outcome in answer.named):
        return Command.RCPT
    if answer.concerns_all:
        return Command.END_OF_DATA
    about = {outcome.recipient for outcome in answer.named}
    named = any(name in about or name in state.listed for name in addresses_in(answer.reply.text))
    return Command.RCPT if named else Command.END_OF_DATA


def _own_facts(outcome: _Outcome, part: str, *, gave_up: bool) -> RecipientFacts:
    """Return the facts of a line under no reply: the reporting server's own words, or a reply quoted in them."""
    action = OUTCOMES.get(outcome.word, Action.FAILED if outcome.code is not None else None)
    expired = gave_up and action is Action.DELAYED
    words = outcome.words.partition("... ")[2]
    quoted = parse_reply(words.partition(": ")[2]) if action is Action.DELAYED else None
    reply = quoted if quoted is not None and quoted.code is not None else None
    prefix = outcome.words.partition("<")[0] if outcome.code is not None else ""
    # A line with a code of the server's own ranks behind what a remote server is quoted with elsewhere.
    witness = Witness.DIALOGUE if outcome.code is None else Witness.WORDS
    return make_facts(
        witness,
        recipient=outcome.recipient,
        action=Action.FAILED if expired else action,
        reply=reply,
        diagnostic=None if reply is not None else Diagnostic("", prefix + (outcome.cause or words)),
        expired=expired,
        evidence=(Evidence(witness, part, outcome.offset, words_of(outcome.words)),),
    )
