"""What the tests of trust need: a server that takes bounces into lists and asks one of them, and a second that forwards.

The first has the recipes of the documentation for `pipe --into`, for `serve --lmtp --into` (the service of systemd), and
for look-ups. The second has people: aliases and a .forward whose targets are at the refusing servers, and a mailbox. Whatever it
does not know, bounces above all, it hands to the first.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from undeliverable.suppression import EventKind

from .remote import Remotes, free_port
from .servers import LMTP, PIPE, Exim, Postfix, Server, recipe

TOPS: Final = {PIPE: "pipe.example", LMTP: "lmtp.example"}
"""The top of all recipients' domains by the domain that takes their bounces."""
FORWARDED: Final = ("alias", "plain", "dotforward")
"""People of the second server whose mail goes to a dead address; `plain` leaves no trace of where it was sent to."""
HOSTS: Final = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"')
REFILE: Final = """\
import os, smtplib, sys
sender, domain = sys.argv[1:] or (os.environ["SENDER"], os.environ["DOMAIN"])
client = smtplib.SMTP("127.0.0.1", PORT)
client.sendmail(sender, "dead-plain@target." + domain.partition(".")[2], sys.stdin.buffer.read())
"""
LOOK_UP: Final = "howto/refuse-suppressed-recipients.md"
PATIENCE: Final = {"maximal_queue_lifetime": "12s", "delay_warning_time": "2s"}


def domain_of(person: str, top: str) -> str:
    return f"{'plain' if person == 'plain' else 'forward'}.{top}"


class Gate(Server):
    """The server that sends; its bounces go into two lists, one for each domain."""

    refuses_with = 550
    """The code for a suppressed recipient, and for whomever a stranger wants to send to."""
    relayed: EventKind | None = None
    """The event of a message that another server took, which does not report successes itself."""

    def __init__(self, folder: Path, remotes: Remotes) -> None:
        super().__init__(folder, remotes, free_port())
        self.lists = {PIPE: folder / "out" / "list.db", LMTP: folder / "lmtp" / "list.db"}
        self.taken = {domain: place.with_name("bounces.jsonl") for domain, place in self.lists.items()}
        self.socket = folder / "run" / "look-ups"
        for name in ("lmtp", "run"):
            (folder / name).mkdir()

    def write_keys(self, secret: bytes) -> None:
        for folder, user in (("out", self.user), ("lmtp", "root")):
            keys = self.folder / folder / "keys"
            keys.write_text(f"k {secret.hex()}\n", encoding="ascii")
            keys.chmod(0o600)
            shutil.chown(keys, user)

    def record_sent(self, door: str, rows: dict[str, str]) -> None:
        """Tell the list of a domain what was mailed: the addresses by id."""
        mailing = self.folder / "mailing.csv"
        mailing.write_text(
            "".join(["recipient,id\n", *(f"{to},{name}\n" for name, to in rows.items())]), encoding="ascii"
        )
        command = self._here(recipe("what was mailed")).replace(str(self.lists[PIPE]), str(self.lists[door]))
        user = self.user if door == PIPE else "root"
        subprocess.run(["sh", "-c", command.replace("sudo -u bounces ", "./")], check=True, user=user, cwd=self.folder)

    @contextmanager
    def service(self) -> Iterator[None]:
        """Run the service of systemd, as this user."""
        unit = recipe("/etc/systemd/system/undeliverable.service").replace("\\\n", " ").replace(PIPE, LMTP)
        (start,) = (line for line in unit.splitlines() if line.startswith("ExecStart="))
        # It has a folder of its own beside that of the pipe, since the test runs both.
        start = start.replace("/etc/bounces/keys", f"{self.folder}/lmtp/keys")
        start = start.replace("/var/lib/bounces", f"{self.folder}/lmtp")
        command = [sys.executable, "-m", *shlex.split(self._here(start.removeprefix("ExecStart=")))]
        command[2] = "undeliverable"
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            try:
                said: list[str] = []
                while sum("listening on" in line for line in said) < 2:
                    said.append(process.stderr.readline())
                    assert said[-1], said
                os.chmod(self.folder / "run", 0o755)
                group = "postfix" if isinstance(self, Postfix) else pwd.getpwnam(self.user).pw_gid
                shutil.chown(self.socket, group=group)
                yield
            finally:
                process.terminate()

    def _install(self) -> None:
        super()._install()
        for name in ("sqlalchemy", "typing_extensions"):
            spec = importlib.util.find_spec(name)
            assert spec is not None
            assert spec.origin is not None
            found = Path(spec.origin)
            if found.name == "__init__.py":
                shutil.copytree(found.parent, self.folder / "lib" / name)
            else:
                shutil.copy(found, self.folder / "lib")
        subprocess.run(["chmod", "-R", "a+rX", self.folder / "lib"], check=True)

    def _write_scripts(self) -> None:
        path = self.folder / "take-bounce"
        path.write_text(self._here(recipe("/usr/local/libexec/take-bounce, with keys")), encoding="utf-8")
        path.chmod(0o755)

    def _here(self, text: str) -> str:
        text = text.replace("/etc/bounces/keys", f"{self.folder}/out/keys")
        text = text.replace("/run/undeliverable", f"{self.folder}/run")
        return super()._here(text)


class PostfixGate(Gate, Postfix):
    refuses_with = 554

    def own_settings(self) -> dict[str, object]:
        return super().own_settings() | PATIENCE

    def recipes(self) -> list[str]:
        return [*super().recipes(), recipe("main.cf", page=LOOK_UP)]


class Second(Server):
    """The server that forwards."""

    def __init__(self, folder: Path, remotes: Remotes, gate: Gate) -> None:
        super().__init__(folder, remotes)
        self.gate = gate
        self.routes = {domain: place for domain, place in self.routes.items() if domain.startswith("target.")}
        for top in TOPS.values():
            gate.routes |= {f"{name}.{top}": ("127.0.0.1", self.port) for name in ("forward", "plain")}
        (folder / "hosts").write_text("127.0.0.1 mx.sender.example localhost\n", encoding="ascii")
        (folder / "people").mkdir()
        shutil.chown(folder / "people", gate.user)

    def _install(self) -> None:
        """Nothing: it takes no bounces."""

    _write_scripts = _install

    def write_refile(self) -> None:
        """A program that forwards and leaves no trace of the first address in the envelope."""
        program = self.folder / "refile"
        program.write_text(f"#!{self.gate.python()}\n{REFILE}".replace("PORT", str(self.port)), encoding="ascii")
        program.chmod(0o755)

    def write_forward(self, person: str) -> None:
        """The .forward of a person."""
        door = person.partition("-")[2]
        (self.folder / "people" / f"nobody+{door}").write_text(f"{self.aliases()[person]}\n", encoding="ascii")

    def alone(self, command: list[str]) -> list[str]:
        """The command, to which the first server has a name."""
        return [*HOSTS, str(self.folder / "hosts"), *command]

    @property
    def domains(self) -> list[str]:
        return [f"{name}.{top}" for name in ("forward", "plain") for top in TOPS.values()]

    @staticmethod
    def aliases() -> dict[str, str]:
        """Where mail for whom goes; the .forward is for `nobody` with an extension."""
        return {
            f"{person}-{top.partition('.')[0]}": f"dead-{person}@target.{top}"
            for person in FORWARDED
            for top in TOPS.values()
        }


class PostfixSecond(Second, Postfix):
    SERVICES = Postfix.SERVICES + (
        "local unix - n n - - local\n"
        "refile unix - n n - - pipe flags= user=nobody argv={folder}/refile ${{sender}} ${{domain}}\n"
    )

    def __init__(self, folder: Path, remotes: Remotes, gate: Gate) -> None:
        Second.__init__(self, folder, remotes, gate)

    def command(self) -> list[str]:
        return self.alone(super().command())

    def services(self) -> str:
        """master.cf; Postfix's own aliases always leave the original recipient, so a program forwards without it."""
        self.write_refile()
        return self.SERVICES.format(port=self.port, folder=self.folder)

    def recipes(self) -> list[str]:
        return []

    def own_settings(self) -> dict[str, object]:
        aliases: dict[str, str] = {}
        for name, to in self.aliases().items():
            if name.startswith("dotforward"):
                self.write_forward(name)
            elif name.startswith("alias"):
                aliases[name] = to
        plain = " ".join(f"plain.{top}=refile:" for top in TOPS.values())
        return super().own_settings() | {
            "myhostname": "mx.forwarder.example",
            "mydestination": ", ".join(self.domains),
            "relay_domains": "",
            "default_transport": f"smtp:[mx.sender.example]:{self.gate.port}",
            "alias_maps": f"inline:{{ {' '.join(f'{{ {name} = {to} }}' for name, to in aliases.items())} }}",
            "transport_maps": f"{super().own_settings()['transport_maps']}, inline:{{ {plain} }}",
            "local_recipient_maps": "",
            "recipient_delimiter": "+",
            "forward_path": f"{self.folder}/people/${{user}}${{recipient_delimiter}}${{extension}}",
            "mail_spool_directory": f"{self.folder}/people/mail/",
            "enable_original_recipient": "no",
        }


class EximGate(Gate, Exim):
    relayed = EventKind.DELIVERY  # "Action: delivered", and in the text only "(relayed to non-DSN-aware mailer)"

    def settings(self) -> dict[str, str]:
        relay = "  deny !hosts = 127.0.0.1/32\n    !domains = +local_domains\n    message = relay not permitted\n"
        return super().settings() | {
            "options": f"delay_warning = 2s\ndsn_advertise_hosts = *\ndomainlist local_domains = {PIPE} : {LMTP}",
            "acl": relay + self._here(recipe("acl_check_rcpt", page=LOOK_UP)) + "  accept",
            "life": PATIENCE["maximal_queue_lifetime"],
        }


class EximSecond(Second, Exim):
    ROUTERS = """\
alias:
  driver = redirect
  domains = +local_domains
  data = ${{lookup{{$local_part}}lsearch{{{folder}/aliases}}}}
dotforward:
  driver = redirect
  domains = +local_domains
  file = ${{lookup{{$local_part}}dsearch,ret=full{{{folder}/people}}{{$value}}fail}}
plain:
  driver = accept
  domains = ^plain\\\\.
  transport = refile
nobody:
  driver = accept
  domains = +local_domains
  transport = mailbox
first:
  driver = manualroute
  domains = ! ^target\\\\.
  route_list = * mx.sender.example::{port} byname
  transport = remote
  self = send
"""
    TRANSPORTS = """\
refile:
  driver = pipe
  command = {folder}/refile
mailbox:
  driver = appendfile
  maildir_format
  directory = {folder}/people/mail
"""

    def __init__(self, folder: Path, remotes: Remotes, gate: Gate) -> None:
        Second.__init__(self, folder, remotes, gate)

    def command(self) -> list[str]:
        return self.alone(super().command())

    def settings(self) -> dict[str, str]:
        self.write_refile()
        for name in self.aliases():
            if name.startswith("dotforward"):
                self.write_forward(name)
        rows = "".join(f"{name}: {to}\n" for name, to in self.aliases().items() if name.startswith("alias"))
        (self.folder / "aliases").write_text(rows, encoding="ascii")
        return super().settings() | {
            "name": "mx.forwarder.example",
            "options": f"dsn_advertise_hosts = *\ndomainlist local_domains = {' : '.join(self.domains)}",
            "acl": "  accept",
            "routers": self.ROUTERS.format(folder=self.folder, port=self.gate.port),
            "transports": self.TRANSPORTS.format(folder=self.folder),
        }
