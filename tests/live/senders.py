"""A real Sendmail and a real OpenSMTPD: they only relay, for what they write about refusals."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .servers import LIFE, SBIN, Daemon, lacking

MACROS = Path("/usr/share/sendmail/cf/m4/cf.m4")
UNSHARE = shutil.which("unshare")
# Sendmail sleeps for a minute where the host's name has no dot; the spool of OpenSMTPD is where it was compiled to be.
ALONE = ("unshare", "--mount", "--uts", "sh", "-c")
START_SENDMAIL = 'hostname mx.sender.example && exec timeout --foreground --kill-after=5 "$@"'
START_OPENSMTPD = f"mkdir -p /var/spool/smtpd && mount -t tmpfs -o mode=711 tmpfs /var/spool/smtpd && mount -t tmpfs tmpfs /run && {START_SENDMAIL}"


class Sendmail(Daemon):
    program = shutil.which("sendmail", path=SBIN) if MACROS.exists() else None  # the others have a command of that name
    lacks = lacking(program, "Sendmail", "smmsp") or lacking(shutil.which("m4"), "m4") or lacking(UNSHARE, "unshare(1)")

    CONFIGURATION = """\
divert(-1)
include(`{macros}')
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `mx.sender.example')dnl
define(`ALIAS_FILE', `')dnl
define(`QUEUE_DIR', `{folder}/spool')dnl
define(`STATUS_FILE', `{folder}/statistics')dnl
define(`confPID_FILE', `{folder}/sendmail.pid')dnl
define(`confCW_FILE', `-o /dev/null')dnl
define(`confSERVICE_SWITCH_FILE', `{folder}/services')dnl
define(`confDONT_BLAME_SENDMAIL', `MapInUnsafeDirPath,ErrorHeaderInUnsafeDirPath,FileDeliveryToHardLink')dnl
define(`confHOST_STATUS_DIRECTORY', `')dnl
define(`confPRIVACY_FLAGS', `')dnl
define(`confEIGHT_BIT_HANDLING', `pass8')dnl
define(`confDELIVERY_MODE', `background')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confDELAY_LA', `1000')dnl
define(`confMIN_QUEUE_AGE', `0')dnl
define(`confTO_IDENT', `0')dnl
define(`confTO_QUEUERETURN', `2s')dnl
define(`confTO_QUEUEWARN', `0')dnl
FEATURE(`nocanonify')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Family=inet, Name=MTA, Port={port}, Addr=127.0.0.1')dnl
MAILER(`smtp')dnl
LOCAL_RULE_0
{routes}
MAILER_DEFINITIONS
Mremote, P=[IPC], F=mDFMuXa8, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\\r\\n, L=990,
	T=DNS/RFC822/SMTP, A=TCP $h {remote_port}
"""

    def command(self) -> list[str]:
        (self.folder / "spool").mkdir(mode=0o700)
        (self.folder / "services").write_text("hosts\tfiles\naliases\tfiles\n", encoding="ascii")
        routes = "".join(
            f"R$* < @ {domain} $* > $*\t$#remote $@ [{place}] $: $1 < @ {domain} $2 > $3\n"
            for domain, place in self._remotes.places.items()
        )
        macros = self.CONFIGURATION.format(
            macros=MACROS, folder=self.folder, port=self.port, remote_port=self._remotes.port, routes=routes
        )
        made = subprocess.run(["m4"], input=macros, capture_output=True, check=True, encoding="utf-8")
        configuration = self.folder / "sendmail.cf"
        configuration.write_text(made.stdout, encoding="utf-8")
        return [*ALONE, START_SENDMAIL, "start", str(LIFE), str(self.program), "-bD", f"-C{configuration}", "-q1s"]


class OpenSMTPD(Daemon):
    program = shutil.which("smtpd", path=SBIN)
    names_commands = False
    lacks = lacking(program, "OpenSMTPD", "opensmtpd", "opensmtpq") or lacking(UNSHARE, "unshare(1)")

    CONFIGURATION = """\
queue ttl 3s
listen on 127.0.0.1 port {port} hostname mx.sender.example
{routes}
"""

    def command(self) -> list[str]:
        port = self._remotes.port
        routes = "".join(
            f'action "{number}" relay host smtp://{place}:{port}\nmatch from any for domain "{domain}" action "{number}"\n'
            for number, (domain, place) in enumerate(self._remotes.places.items())
        )
        configuration = self.folder / "smtpd.conf"
        configuration.write_text(self.CONFIGURATION.format(port=self.port, routes=routes), encoding="utf-8")
        configuration.chmod(0o600)
        return [*ALONE, START_OPENSMTPD, "start", str(LIFE), str(self.program), "-d", "-f", str(configuration)]
