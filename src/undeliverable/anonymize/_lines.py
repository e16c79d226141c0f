"""Rewrite a line of a log, or a record in JSON: what stands at known places, then whatever names somebody anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Final, cast

from undeliverable.anonymize._text import Mode, Text, around

__all__ = ["Line"]

_PLACES: Final = re.compile(
    r"""
    # syslog, with RFC 3164's or an ISO date: the host that logs
      (?P<host>(?:[A-Z][a-z]{2}[ ][ \d]\d[ ]\d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]{8,20}(?:Z|[+-]\d\d:?\d\d))[ ][\w.-]{1,255}
        (?=[ ][\w./-]{1,64}(?:\[\d{1,10}\])?(?::|[ ]\d)))
    # a host of one label
    | (?P<peer>\b(?:H=|relay=|host[ ]|helo=<?|from[ ])[\w-]{1,63}(?=[ ]?(?:\[|\(\[?)[\d:]))
    # who logged in, and who a local user is
    | (?P<user>\b(?:user|username|sasl_username|login|auth_id|logname|ruser|U|A=\w{1,30})[=:]<?[^\s,<>"=:]{1,255})
    # what a message is about
    | (?P<subject>\b(?:T|subject|Subject)=?[ ]?"(?:[^"\\]|\\.){1,998}"|\bSubject:[ ].{1,998}?(?=[ ]from[ ]\S{1,255}\[|;|\Z))
    """,
    re.VERBOSE,
)
_COLOUR: Final = re.compile(r"\x1b\[[\d;]{0,20}m")
_TAIL: Final = re.compile(r"[\w.-]+\Z")
_VALUE: Final = re.compile(r"[^\s=:<]+\Z")
_ADDRESSES: Final = frozenset(("recipient", "original_recipient", "sent_to", "from", "to", "original_mail_from"))
_HOSTS: Final = frozenset(("host", "hostname", "_hostname", "reporting_mta", "remote_mta", "received_from_mta"))
_IDS: Final = frozenset(("key", "queue_id", "original_envelope_id", "token", "__cursor", "_boot_id", "_machine_id"))
_WORDS: Final = frozenset(("subject", "source"))


class Line:
    """Rewrite one line."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._by_place: Mapping[str, Callable[[str], str]] = {
            "host": lambda found: _TAIL.sub(lambda host: text.host(host[0]), found),
            "peer": lambda found: _TAIL.sub(lambda host: self._peer(host[0]), found),
            "user": lambda found: _VALUE.sub(lambda user: self._user(user[0]), found),
            "subject": self._subject,
        }

    def rewrite(self, line: str) -> str:
        """Return the line with everything replaced."""
        return around(_COLOUR, line, str, self._plain) if "\x1b" in line else self._plain(line)

    def _plain(self, line: str) -> str:
        start = line.find("{")
        if start >= 0:
            try:
                return line[:start] + self._json(line[start:])
            except (ValueError, RecursionError):
                pass  # no JSON, or nested more deeply than any log: its text is rewritten instead
        made: list[str] = []
        at = 0
        for match in _PLACES.finditer(line):
            made += (self._text.rewrite(line[at : match.start()]), self._by_place[match.lastgroup or ""](match[0]))
            at = match.end()
        return "".join((*made, self._text.rewrite(line[at:])))

    def _json(self, text: str) -> str:
        """Return JSON rewritten, with the blanks that it has between its values.

        :raises ValueError: when it is none.
        :raises RecursionError: when it is nested too deeply.
        """
        value = self._value("", json.loads(text))
        separators = (", ", ": ") if '": ' in text else (",", ":")
        return json.dumps(value, ensure_ascii=text.isascii(), separators=separators)

    def _value(self, key: str, value: object) -> object:
        if isinstance(value, str):
            return self._string(key.lower(), value)
        if isinstance(value, list):
            return [self._value(key, item) for item in cast("list[object]", value)]
        if isinstance(value, dict):
            return {name: self._value(name, item) for name, item in cast("dict[str, object]", value).items()}
        return value

    def _string(self, key: str, value: str) -> str:
        if key in _ADDRESSES and "@" not in value:
            return self._text.local(value)
        if key in _HOSTS and "." not in value and "[" not in value:
            return self._peer(value)
        if key in _IDS:
            return self._text.ids(value)
        if key in _WORDS:
            return self._text.rewrite(value, Mode.MASKED)
        return self.rewrite(value)

    def _peer(self, host: str) -> str:
        return host if self._text.known.knows(host) else self._text.host(host)

    def _user(self, user: str) -> str:
        return self._text.address(user) if "@" in user else self._text.local(user)

    def _subject(self, found: str) -> str:
        before, sign, subject = re.split(r"([\"=:])", found, maxsplit=1)
        return before + sign + self._text.rewrite(subject, Mode.MASKED)
