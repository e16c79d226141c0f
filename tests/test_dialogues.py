"""Transcripts of SMTP dialogues: which reply is the final one, whom it concerns, what it answered."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable._smtp.transcripts import read_dialogue
from undeliverable.model import Action, Command, Diagnostic, RecipientFacts, Witness

HEAD = """\
   ----- The following addresses had permanent fatal errors -----
<kim@example.org>

   ----- Transcript of session follows -----
"""
TALKING = "... while talking to mx.example.org.:\n"
NO_USER = "550 5.1.1 <kim@example.org>... User unknown\n"
RCPT_FIRST = "<<< 503 5.5.1 RCPT first\n"
GAVE_UP = "Message could not be delivered for 5 days\nMessage will be deleted from queue\n"


def only(text: str) -> RecipientFacts:
    (facts,) = read_dialogue(text, "1")
    return facts


Row = tuple[str, str | None, int | None, str | None, Command | None]

# what stands below the head, recipient, code, status, command
ROWS: dict[str, Row] = {
    "before any command": ("<<< 554 5.7.1 go away\n", "kim@example.org", 554, "5.7.1", Command.CONNECT),
    "HELO": (">>> HELO mx.example.net\n<<< 504 5.5.2 no\n", "kim@example.org", 504, "5.5.2", Command.EHLO),
    "MAIL": (
        ">>> MAIL From:<news@example.net> SIZE=1\n<<< 501 5.1.0 no\n501 5.6.0 Data format error\n",
        "kim@example.org",
        501,
        "5.1.0",
        Command.MAIL,
    ),
    "RCPT": (
        ">>> RCPT To:<kim@example.org>\n<<< 550 5.2.1 no\n" + NO_USER,
        "kim@example.org",
        550,
        "5.2.1",
        Command.RCPT,
    ),
    "pipelined, named below": (
        ">>> DATA\n<<< 550 5.2.1 no\n" + NO_USER + RCPT_FIRST,
        "kim@example.org",
        550,
        "5.2.1",
        Command.RCPT,
    ),
    "pipelined, named below only": (
        ">>> DATA\n<<< 550 5.2.1 no\n" + NO_USER,
        "kim@example.org",
        550,
        "5.2.1",
        Command.RCPT,
    ),
    "pipelined, no recipient left": (
        ">>> DATA\n<<< 541 5.4.1 no\n554 5.0.0 Service unavailable\n<<< 554 5.5.1 Error: no valid recipients\n",
        "kim@example.org",
        541,
        "5.4.1",
        Command.RCPT,
    ),
    "pipelined, named in the reply": (
        ">>> DATA\n<<< 452 <kim@example.org>: full\n",
        "kim@example.org",
        452,
        None,
        Command.RCPT,
    ),
    "named, but about the message": (
        ">>> DATA\n<<< 550 <kim@example.org>: bad header\n554 5.0.0 Service unavailable\n",
        "kim@example.org",
        550,
        None,
        Command.END_OF_DATA,
    ),
    "end of data": (
        ">>> DATA\n<<< 550-5.7.1 spam\n<<< 550 5.7.1 it is\n554 5.0.0 Service unavailable\n",
        "kim@example.org",
        550,
        "5.7.1",
        Command.END_OF_DATA,
    ),
    "behind QUIT": (
        ">>> DATA\n<<< 421 4.7.0 wait\n>>> QUIT\n<<< 503 5.5.1 RCPT first\n221 2.0.0 Bye\n",
        "kim@example.org",
        421,
        "4.7.0",
        Command.RCPT,
    ),
    "a 503 of another wording": (
        ">>> DATA\n<<< 450 4.2.1 wait\n<<< 503 5.5.1 bad sequence\n",
        "kim@example.org",
        450,
        "4.2.1",
        Command.END_OF_DATA,
    ),
    "a 503 alone": (
        ">>> MAIL From:<news@example.net>\n<<< 503 5.5.1 log in\n",
        "kim@example.org",
        503,
        "5.5.1",
        Command.MAIL,
    ),
    "a 554 as a greeting": ("<<< 554 no recipients are served here\n", "kim@example.org", 554, None, Command.CONNECT),
    "a reply without its last line": (
        "<<< 550-5.7.1 spam\n<<< no more\n",
        "kim@example.org",
        550,
        "5.7.1",
        Command.CONNECT,
    ),
    "a foreign verb": (">>> RSET\n<<< 550 no\n>>> XFOO\n<<< 550 5.1.0 no\n", None, None, None, None),
    "BDAT": (">>> BDAT 1000 LAST\n<<< 554 5.6.0 no\n", "kim@example.org", 554, "5.6.0", Command.END_OF_DATA),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_rows(row: Row) -> None:
    text, recipient, code, status, command = row
    found = read_dialogue(HEAD + TALKING + text, "1")
    said = [(one.recipient, one.reply and one.reply.code, one.command) for one in found]
    assert said == ([(recipient, code, command)] if code else [])
    for facts in found:
        assert facts.reply is not None
        assert (facts.reply.status and str(facts.reply.status), facts.reply.command) == (status, command)
        assert (facts.witness, facts.remote_mta) == (Witness.DIALOGUE, "mx.example.org")
        assert facts.evidence[0].offset == (HEAD + TALKING + text).index("<<< " + facts.reply.text[:8])


def test_the_reporting_server_s_own_status_counts_for_nothing() -> None:
    facts = only(HEAD + TALKING + ">>> DATA\n<<< 550 poor reputation\n" + NO_USER + RCPT_FIRST)
    assert facts.reply is not None
    assert (facts.reply.text, facts.reply.status, facts.diagnostic) == ("550 poor reputation", None, None)


def test_each_recipient_has_its_own_reply() -> None:
    text = TALKING + (
        ">>> DATA\n<<< 550 no such user\n550 5.1.1 <kim@example.org>... User unknown\n"
        "<<< 452 4.2.2 full\n<lee@example.org>... Deferred: 452 4.2.2 full\n<<< 503 5.5.1 RCPT first\n"
    )
    assert [(one.recipient, one.reply and one.reply.code, one.action) for one in read_dialogue(text, "1")] == [
        ("kim@example.org", 550, None),
        ("lee@example.org", 452, Action.DELAYED),
    ]


def test_of_a_transcript_that_was_cut_a_consequence_alone_says_nothing() -> None:
    found = read_dialogue("550 5.1.1 <kim@example.org>... User unknown\n" + RCPT_FIRST, "1")
    assert [one.reply for one in found if one.reply is not None and one.reply.code == 503] == []


def test_a_consequence_counts_where_the_cause_is_not_shown() -> None:
    facts = only(f"{HEAD}{TALKING}>>> DATA\n<<< 554 5.5.1 Error: no valid recipients\n554 5.0.0 Service unavailable\n")
    assert facts.reply is not None
    assert (facts.recipient, facts.reply.code, facts.command) == ("kim@example.org", 554, Command.DATA)


def test_what_the_reporting_server_says_of_the_message_counts_where_no_reply_is_shown() -> None:
    text = "   ----- Transcript of session follows -----\nno database\n554 5.3.0 unknown mailer error 255\n451 4.0.0 later\n"
    facts = only(text)
    assert facts.witness is Witness.WORDS
    assert facts.diagnostic == Diagnostic("", "5.3.0 unknown mailer error 255")
    assert facts.evidence[0].offset == text.index("554")


def test_a_refusal_of_many_names_nobody() -> None:
    text = HEAD.replace("<kim@example.org>\n", "<kim@example.org>\n<lee@example.org>\n") + TALKING
    facts = only(text + ">>> DATA\n<<< 554 5.6.0 no\n554 5.0.0 Service unavailable\n")
    assert (facts.recipient, facts.command) == (None, Command.END_OF_DATA)


def test_one_of_many_is_named_by_the_reply() -> None:
    text = HEAD.replace("<kim@example.org>\n", "<kim@example.org>\n<lee@example.org>\n") + TALKING
    assert only(text + ">>> DATA\n<<< 550 5.1.1 <lee@example.org> no\n").recipient == "lee@example.org"


@pytest.mark.parametrize(("end", "action"), [(GAVE_UP, Action.FAILED), ("", Action.DELAYED)])
def test_deferred_recipients_failed_only_when_the_queue_gave_up(end: str, action: Action) -> None:
    text = HEAD + TALKING + "<<< 421 4.7.0 wait\n<kim@example.org>... Deferred: 421 4.7.0 wait\n" + end
    facts = only(text)
    assert (facts.action, facts.expired) == (action, bool(end))


def test_a_reply_that_only_the_deferral_quotes() -> None:
    facts = only(HEAD + "<kim@example.org>... Deferred: 450 4.2.2 full\n" + GAVE_UP)
    assert facts.reply is not None
    assert (facts.reply.code, str(facts.reply.status), facts.expired) == (450, "4.2.2", True)


def test_own_words_rank_behind_a_quoted_reply() -> None:
    facts = only(HEAD + "550 5.1.2 <kim@example.org>... Host unknown (Name server: example.org: host not found)\n")
    assert (facts.reply, facts.witness) == (None, Witness.WORDS)
    assert facts.action is Action.FAILED
    assert facts.diagnostic == Diagnostic("", "550 5.1.2 Host unknown (Name server: example.org: host not found)")


def test_a_deferral_without_a_reply() -> None:
    facts = only(HEAD + "<<< 250 fine\n<kim@example.org>... Deferred: Connection refused by mx.example.org.\n")
    assert (facts.reply, facts.diagnostic) == (None, Diagnostic("", "Deferred: Connection refused by mx.example.org."))


def test_a_deferral_of_another_recipient_is_not_tied_to_the_reply_above() -> None:
    text = (
        TALKING
        + ">>> DATA\n<<< 550 no\n"
        + NO_USER
        + RCPT_FIRST
        + "<lee@example.org>... Deferred: Connection refused\n"
    )
    found = {facts.recipient: facts.reply and facts.reply.code for facts in read_dialogue(text, "1")}
    assert found == {"kim@example.org": 550, "lee@example.org": None}


@pytest.mark.parametrize(
    ("words", "action"),
    [
        ("relayed; expect no further notifications", Action.RELAYED),
        ("Sent (ok)", Action.DELIVERED),
        ("Successfully delivered", Action.DELIVERED),
        ("expanded", Action.EXPANDED),
        ("odd", None),
    ],
)
def test_other_outcomes(words: str, action: Action | None) -> None:
    assert only(HEAD + f"<kim@example.org>... {words}\n").action is action


def test_the_last_attempt_decides() -> None:
    text = (
        HEAD
        + TALKING
        + "<<< 421 4.3.2 busy\n... while talking to mx2.example.org.:\n>>> RCPT To:<kim@example.org>\n<<< 550 5.1.1 no\n"
    )
    facts = only(text)
    assert facts.reply is not None
    assert (facts.remote_mta, facts.reply.code, facts.command) == ("mx2.example.org", 550, Command.RCPT)


POSTMASTER = """\
Transcript of session follows.

 Out: 220 mx.example.org ESMTP
 In:  EHLO client.example.net
 Out: 250-mx.example.org
 Out: 250 SIZE 10240000
 In:  MAIL FROM:<news@example.net>
 Out: 250 2.1.0 Ok
 In:  RCPT TO:<kim@example.org>
 Out: 550-5.1.1 <kim@example.org>: Recipient address rejected:
 Out: 550 5.1.1 User unknown
 In:  DATA
 Out: 554 5.5.1 Error: no valid recipients
 In:  QUIT
 Out: 221 2.0.0 Bye
"""


@pytest.mark.parametrize(
    ("server", "client"), [("Out:", "In:"), ("In:", "Out:"), ("S:", "C:"), ("<--", "-->"), ("<<<", ">>>")]
)
def test_who_spoke_is_told_by_what_was_said(server: str, client: str) -> None:
    text = POSTMASTER.replace("Out:", "\0").replace("In: ", client).replace("\0", server)
    facts = only(text)
    assert facts.reply is not None
    assert (facts.recipient, facts.reply.code, str(facts.reply.status)) == ("kim@example.org", 550, "5.1.1")
    assert facts.command is Command.RCPT
    assert facts.reply.text == "550-5.1.1 <kim@example.org>: Recipient address rejected: 550 5.1.1 User unknown"


@pytest.mark.parametrize(
    "text",
    ["", "nothing here", "host said: 550 5.1.1 <kim@example.org>... User unknown", "<<< hello >>>\n<<< 250 fine\n"],
)
def test_no_dialogue(text: str) -> None:
    assert read_dialogue(text, "1") == ()


@given(
    st.lists(
        st.sampled_from(
            [
                TALKING,
                NO_USER,
                RCPT_FIRST,
                GAVE_UP,
                HEAD,
                "<<< 550-a\n",
                "<<< 421 b\n",
                ">>> DATA\n",
                ">>> QUIT\n",
                ">>> RCPT To:<lee@example.org>\n",
                "<lee@example.org>... Deferred\n",
                "554 5.0.0 no\n",
                "\n",
                "<<< \n",
            ]
        )
    )
)
def test_any_order_of_lines_is_read(lines: list[str]) -> None:
    text = "".join(lines)
    found = read_dialogue(text, "1")
    assert found == read_dialogue(text, "1")
    assert len({facts.recipient for facts in found}) == len(found)
    for facts in found:
        assert facts.reply is None or (facts.reply.code or 0) >= 400


@pytest.mark.parametrize(
    "unit",
    [
        "<<< 550-a@\n",
        "<<< 550 a@b\n<a@b>... x\n",
        "<a@a@a",
        ">>> ",
        "<k@example.org>\n",
        ">>> DATA\n<<< 550 a\n<<< 503 need RCPT\n",
    ],
)
def test_long_text_is_no_burden(unit: str) -> None:
    """A backtracking pattern, or one look at all lines for each line, would need minutes."""
    began = time.process_time()
    found = read_dialogue(HEAD + TALKING + unit * (500_000 // len(unit)), "1")
    assert time.process_time() - began < 60
    assert len(found) <= 2


MIXED = """... while talking to mx.example.org.:
>>> DATA
<<< 550 5.1.1 <kim@example.org>... no such mailbox
550 5.1.1 <kim@example.org>... User unknown
550 5.1.2 <lee@nowhere.example>... Host unknown (Name server: nowhere.example: host not found)
"""


def test_a_second_line_in_other_words_has_no_part_in_the_reply_above() -> None:
    facts = {one.recipient: one for one in read_dialogue(MIXED, "1")}
    assert facts["kim@example.org"].reply is not None
    lee = facts["lee@nowhere.example"]
    assert lee.reply is None
    assert lee.diagnostic is not None
    assert "Host unknown" in lee.diagnostic.text


def test_a_second_line_in_the_same_words_has_part_in_the_reply_above() -> None:
    text = MIXED.replace(
        "550 5.1.2 <lee@nowhere.example>... Host unknown (Name server: nowhere.example: host not found)",
        "550 5.1.1 <lee@example.org>... User unknown",
    )
    found = read_dialogue(text, "1")
    assert [one.recipient for one in found] == ["kim@example.org", "lee@example.org"]
    assert {one.reply and one.reply.code for one in found} == {550}


@pytest.mark.parametrize(
    ("client", "server"), [(">>> ", "<<< "), ("--> ", "<-- "), ("-> ", "<- "), ("In: ", "Out: "), ("C: ", "S: ")]
)
def test_nothing_is_lost_where_a_text_begins_with_its_dialogue(client: str, server: str) -> None:
    text = f"{client}RCPT TO:<kim@example.org>\n{server}550 5.1.1 no such user\n{client}QUIT\n"
    facts = only(text)
    assert (facts.recipient, facts.command) == ("kim@example.org", Command.RCPT)
    facts = only(text.partition("\n")[2])
    assert facts.reply is not None
    assert facts.reply.code == 550


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            "mail.local: unknown user: kim\n554 <kim@example.org>... Service unavailable",
            "554 mail.local: unknown user: kim",
        ),
        (
            "deliver: kim: over quota\n554 5.0.0 <kim@example.org>... Service unavailable",
            "554 5.0.0 deliver: kim: over quota",
        ),
        ("It said: nothing\n554 <kim@example.org>... Service unavailable", "554 Service unavailable"),
        ("554 <kim@example.org>... Service unavailable", "554 Service unavailable"),
        ("mail.local: unknown user: kim\n550 <kim@example.org>... Host unknown", "550 Host unknown"),
    ],
)
def test_what_a_local_program_says_is_the_cause(lines: str, words: str) -> None:
    text = f"   ----- Transcript of session follows -----\n{lines}\n"
    (facts,) = read_dialogue(text, "1")
    assert facts.diagnostic is not None
    assert facts.diagnostic.text == words


def test_a_program_does_not_explain_what_a_remote_server_refused() -> None:
    text = (
        "   ----- Transcript of session follows -----\n<lee@example.net>... Deferred\n... while talking to mx.example.org.:\n"
        ">>> RCPT To:<kim@example.org>\n<<< 554 no\nmail.local: unknown user: kim\n554 <kim@example.org>... Service unavailable\n"
    )
    kim = next(facts for facts in read_dialogue(text, "1") if facts.recipient == "kim@example.org")
    assert kim.reply is not None
    assert kim.reply.text == "554 no"
