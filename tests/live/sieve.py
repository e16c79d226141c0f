"""A real Dovecot that takes mail by LMTP and pipes it through Sieve, with the recipe of the documentation."""

from __future__ import annotations

import pwd
import shutil
import smtplib
import subprocess
from pathlib import Path

from .remote import Remotes
from .servers import LIFE, ROOT, SBIN, lacking
from .trusted import Gate

HOOK = ROOT / "docs" / "examples" / "hooks" / "dovecot"
CONFIGURATION = """\
protocols = lmtp
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
ssl = no
default_internal_user = dovecot
default_internal_group = dovecot
recipient_delimiter = +
mail_location = maildir:%h/Maildir
mail_plugins =
passdb {{
  driver = static
  args = nopassword=y allow_nets=127.0.0.255
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home/%n allow_all_users=yes
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"""


class DovecotSieve(Gate):
    """Dovecot with one script for every mailbox.

    :param script: its name in the documentation.
    """

    program = shutil.which("dovecot", path=SBIN) if shutil.which("sievec") else None
    lacks = lacking(program, "Dovecot with Sieve", "dovecot", "nobody")

    def __init__(self, folder: Path, remotes: Remotes, script: str) -> None:
        super().__init__(folder, remotes)
        self.script = folder / "sieve" / script
        for name in ("home", "sieve", "sieve-pipe"):
            (folder / name).mkdir()
        (folder / "sieve-pipe").chmod(0o755)
        (folder / "take-bounce").rename(folder / "sieve-pipe" / "take-bounce")
        shutil.chown(folder / "home", self.user)
        shutil.copy(HOOK / script, self.script)

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def command(self) -> list[str]:
        user = pwd.getpwnam(self.user)
        recipe = (HOOK / "90-undeliverable.conf").read_text(encoding="ascii")
        recipe = recipe.replace("/usr/local/lib/dovecot/sieve-pipe", str(self.folder / "sieve-pipe"))
        recipe = recipe.replace("/etc/dovecot/sieve/bounces.sieve", str(self.script))
        own = CONFIGURATION.format(folder=self.folder, port=self.port, uid=user.pw_uid, gid=user.pw_gid)
        path = self.folder / "dovecot.conf"
        path.write_text(own + recipe, encoding="ascii")
        subprocess.run(["sievec", "-c", path, "-x", "+vnd.dovecot.pipe", self.script], check=True, capture_output=True)
        return ["timeout", "--kill-after=5", str(LIFE), str(self.program), "-F", "-c", str(path)]

    def deliver(self, recipient: str, message: bytes, sender: str = "") -> None:
        """Hand a message over, as a mail server does."""
        with smtplib.LMTP("127.0.0.1", self.port, timeout=60) as client:
            client.sendmail(sender, [recipient], message)

    def mailbox(self, folder: str = "") -> list[bytes]:
        """Return the messages in the mailbox of all users, or in a folder of it."""
        found = (self.folder / "home").glob(f"*/Maildir/{folder}/new/*" if folder else "*/Maildir/new/*")
        return [path.read_bytes() for path in found]
