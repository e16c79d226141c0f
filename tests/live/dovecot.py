"""A real Dovecot on loopback, in a folder of its own: one account whose mail is a Maildir."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import time
from pathlib import Path

from .remote import free_port
from .servers import LIFE, SBIN, Daemon, lacking

USER, PASSWORD = "bounces@example.com", 'pässword with "quotes"'
OWNER = "nobody"

CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
disable_plaintext_auth = {strict}
auth_mechanisms = plain
auth_failure_delay = 0
first_valid_uid = 1
mail_location = maildir:{folder}/mail:UTF-8
mail_plugins = {plugins}
passdb {{
  driver = passwd-file
  args = scheme=plain username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
}}
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
protocol imap {{
  mail_plugins = {plugins}
  imap_capability = {capability}
  mail_max_userip_connections = 100
}}
plugin {{
  quota = maildir:User quota
  quota_rule = *:storage={quota}
}}
"""


def authority(folder: Path) -> None:
    """A certificate authority, and a certificate for 127.0.0.1 and localhost."""
    run = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj")
    subprocess.run(
        [*run, "/CN=Test authority", "-keyout", folder / "ca.key", "-out", folder / "ca.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    subprocess.run(
        [*run, "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext",
         "basicConstraints=critical,CA:FALSE", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key",
         "-keyout", folder / "server.key", "-out", folder / "server.pem"],
        check=True, capture_output=True,
    )  # fmt: skip


class Dovecot(Daemon):
    """Dovecot with one account; its mail is made by writing files, as a mail server does it."""

    program = shutil.which("dovecot", path=SBIN)
    lacks = lacking(program if Path("/usr/lib/dovecot/imap").exists() else None, "Dovecot's IMAP server", OWNER)

    def __init__(self, folder: Path, **settings: object) -> None:  # it sends no mail, so there are no remotes
        self.folder = folder
        self.port = free_port()
        self._process = None
        folder.chmod(0o755)
        self.tls_port = free_port()
        self._settings = {
            "strict": "no", "plugins": "", "separator": "/", "prefix": "", "capability": "", "quota": "1G",
        } | settings  # fmt: skip
        self._numbers = 0
        authority(folder)
        owner = pwd.getpwnam(OWNER)
        for name in ("mail", "mail/new", "mail/cur", "mail/tmp", "home"):
            (folder / name).mkdir()
            os.chown(folder / name, owner.pw_uid, owner.pw_gid)
        self.password(PASSWORD)

    def password(self, text: str) -> None:
        """Change the account's password."""
        (self.folder / "users").write_text(f"{USER}:{{PLAIN}}{text}\n", encoding="utf-8")

    def command(self) -> list[str]:
        owner = pwd.getpwnam(OWNER)
        group = subprocess.run(["id", "-gn", OWNER], check=True, capture_output=True, text=True).stdout.strip()
        text = CONFIG.format(
            folder=self.folder, port=self.port, tls_port=self.tls_port, user=OWNER, group=group,
            uid=owner.pw_uid, gid=owner.pw_gid, **self._settings,
        )  # fmt: skip
        (self.folder / "dovecot.conf").write_text(text, encoding="utf-8")
        return ["timeout", str(LIFE), str(self.program), "-F", "-c", str(self.folder / "dovecot.conf")]

    def deliver(self, message: bytes, *, folder: str = "", stamp: float | None = None) -> None:
        """Put a message into the mailbox, as a mail server does it."""
        self._numbers += 1
        owner = pwd.getpwnam(OWNER)
        base = self.folder / "mail" / folder
        path = base / "tmp" / f"{time.time():.0f}.{os.getpid()}_{self._numbers}.test"
        path.write_bytes(message)
        os.chown(path, owner.pw_uid, owner.pw_gid)
        if stamp is not None:
            os.utime(path, (stamp, stamp))
        path.rename(base / "new" / path.name)

    def messages(self, folder: str = "") -> int:
        """The number of messages in a folder of the account."""
        base = self.folder / "mail" / folder
        return sum(1 for name in ("cur", "new") for _ in (base / name).glob("*"))

    def lose_uids(self) -> None:
        """Forget all UIDs, as a server does whose index was lost."""
        for path in (self.folder / "mail").rglob("dovecot*"):
            if path.is_file():
                path.unlink()

    def drop_all(self) -> None:
        """End all connections, as a network does it."""
        found = subprocess.run(["ps", "-eo", "pid=,ppid=,comm="], check=True, capture_output=True, text=True).stdout
        assert self._process is not None
        rows = [re.split(r"\s+", line.strip(), maxsplit=2) for line in found.splitlines()]
        parents = {pid: (parent, name) for pid, parent, name in rows}
        for pid, (_, name) in parents.items():
            if name in {"imap", "imap-login"} and self._is_ours(pid, parents):
                os.kill(int(pid), 9)

    def _is_ours(self, pid: str, parents: dict[str, tuple[str, str]]) -> bool:
        assert self._process is not None
        while pid in parents and pid != "1":
            if pid == str(self._process.pid):
                return True
            pid = parents[pid][0]
        return False
