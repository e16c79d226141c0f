"""Understanding bounced mail: a raw message or an SMTP reply in, typed verdicts out that explain themselves."""

from __future__ import annotations

from undeliverable.codes import RegisteredStatus, ReplyCode, StatusCode, find_reply_code, find_status, registered
from undeliverable.errors import KnowledgeError, UndeliverableError, WebhookError
from undeliverable.knowledge import Knowledge
from undeliverable.logs import iter_log, parse_log_line
from undeliverable.mail import parse
from undeliverable.model import Action, Address, Command, Diagnostic, Event, Evidence, MessageFacts, MtaName, Returned
from undeliverable.reasons import Advice, BounceType, Fault, Reason
from undeliverable.smtp import classify, from_exception, from_refused
from undeliverable.verdict import Kind, PolicyRef, Report, RuleRef, StatusFrom, Verdict

__all__ = [
    "Action",
    "Address",
    "Advice",
    "BounceType",
    "Command",
    "Diagnostic",
    "Event",
    "Evidence",
    "Fault",
    "Kind",
    "Knowledge",
    "KnowledgeError",
    "MessageFacts",
    "MtaName",
    "PolicyRef",
    "Reason",
    "RegisteredStatus",
    "ReplyCode",
    "Report",
    "Returned",
    "RuleRef",
    "StatusCode",
    "StatusFrom",
    "UndeliverableError",
    "Verdict",
    "WebhookError",
    "__version__",
    "classify",
    "find_reply_code",
    "find_status",
    "from_exception",
    "from_refused",
    "iter_log",
    "parse",
    "parse_log_line",
    "registered",
]

__version__ = "0.1.0"
