"""A real Postfix and a real Exim in a folder of their own, with the recipes of the documentation."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import undeliverable

from .remote import Remotes, free_port

ROOT = Path(__file__).resolve().parents[2]
SBIN = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin"
LIFE = 200  # seconds after which a server ends by itself, whatever became of the tests
# Postfix's master leaves the session of whoever starts it, so its end has to be asked for.
KEEPER = """\
trap '"$1" -c "$2" stop; kill $! 2>/dev/null' EXIT
trap 'exit 0' HUP INT TERM
"$1" -c "$2" start || exit 1
sleep "$3" &
wait $!
"""
JOINED = frozenset({"relay_domains", "transport_maps"})  # recipes add to these
PIPE, LMTP = "bounces.example.com", "lmtp.example.com"


def recipe(title: str, number: int = 0, page: str = "howto/receive-bounces.md") -> str:
    """A block of the documentation by the title in its first two lines."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    found: list[str] = [block for block in blocks if f"# {title}" in "".join(block.splitlines(keepends=True)[:2])]
    return found[number]


def lacking(program: str | None, name: str, *users: str) -> str | None:
    """Why a server cannot be run here, or None."""
    if program is None:
        return f"{name} is not installed"
    if os.geteuid():
        return f"{name} has to be started by root"
    if not shutil.which("timeout"):
        return "timeout(1) is not installed"
    names = {entry.pw_name for entry in pwd.getpwall()}
    missing = [user for user in users if user not in names]
    return f"there is no user {missing[0]}" if missing else None


class Daemon:
    """What all have in common: a folder, a port, remote servers, and an end."""

    program: str | None = None
    lacks: str | None = None
    names_commands = True
    """Whether its reports say which command was refused."""

    def __init__(self, folder: Path, remotes: Remotes) -> None:
        self.folder = folder
        self.port = free_port()
        self.routes = {domain: (place, remotes.port) for domain, place in remotes.places.items()}
        """Where mail to each domain goes: an address and a port."""
        self._remotes = remotes
        self._process: subprocess.Popen[bytes] | None = None
        folder.chmod(0o755)

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        with open(self.folder / "stdout", "wb") as output:
            self._process = subprocess.Popen(self.command(), stdout=output, stderr=output)
        for _ in range(200):
            assert self._process.poll() is None, (self.folder / "stdout").read_text(encoding="utf-8")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"does not listen: {(self.folder / 'stdout').read_text(encoding='utf-8')}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(20)


class Server(Daemon):
    """A server with the recipes of the documentation in its folder."""

    user = "nobody"

    def __init__(self, folder: Path, remotes: Remotes, lmtp_port: int | None = None) -> None:
        super().__init__(folder, remotes)
        self.records = folder / "out" / "bounces.jsonl"
        self._lmtp_port = lmtp_port or free_port()
        (folder / "out").mkdir()
        shutil.chown(folder / "out", self.user)
        self._install()
        self._write_scripts()

    @property
    def log(self) -> Path:
        raise NotImplementedError

    def _install(self) -> None:
        """The wrapper of the documentation, around a copy of this package that the server's user may read."""
        shutil.copytree(Path(undeliverable.__file__).parent, self.folder / "lib" / "undeliverable")
        subprocess.run(["chmod", "-R", "a+rX", self.folder / "lib"], check=True)
        command = self.folder / "undeliverable"
        command.write_text(
            f'#!/bin/sh\nPYTHONDONTWRITEBYTECODE=1 PYTHONPATH={self.folder}/lib exec {self.python()} -m undeliverable "$@"\n',
            encoding="utf-8",
        )
        command.chmod(0o755)

    def _write_scripts(self) -> None:
        self._script("take-bounce", "/usr/local/libexec/take-bounce\n")

    def python(self) -> str:
        """An interpreter that the server's user may run."""
        for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
            check = [python, "-c", "import sys; sys.path.insert(0, sys.argv[1]); import undeliverable.cli._main"]
            try:
                done = subprocess.run(
                    [*check, str(self.folder / "lib")], user=self.user, capture_output=True, cwd="/", check=False
                )
            except OSError:
                continue
            if not done.returncode:
                return python
        raise AssertionError(f"no Python >= 3.11 that {self.user} may run")

    def _script(self, name: str, title: str) -> None:
        path = self.folder / name
        path.write_text(self._here(recipe(title)), encoding="utf-8")
        path.chmod(0o755)

    def _here(self, text: str) -> str:
        places = {
            "/usr/local/libexec": self.folder,
            "/usr/local/bin": self.folder,
            "/var/lib/bounces": self.folder / "out",
            "user=bounces": f"user={self.user}",
            "user = bounces": f"user = {self.user}",
            "8024": self._lmtp_port,
        }
        for name, place in places.items():
            text = text.replace(name, str(place))
        return text


class Postfix(Server):
    program = shutil.which("postfix", path=SBIN)
    lacks = lacking(program, "Postfix", "postfix", "nobody")

    SERVICES = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""

    @property
    def log(self) -> Path:
        return self.folder / "mail.log"

    def command(self) -> list[str]:
        self._configure()
        return ["/bin/sh", "-c", KEEPER, "keeper", str(self.program), str(self.folder / "etc"), str(LIFE)]

    def _configure(self) -> None:
        for name in ("etc", "spool", "data"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix")
        lines = "".join(f"{name} = {value}\n" for name, value in self.settings().items())
        (self.folder / "etc" / "main.cf").write_text(lines, encoding="utf-8")
        (self.folder / "etc" / "master.cf").write_text(self.services(), encoding="utf-8")

    def services(self) -> str:
        """master.cf."""
        return self.SERVICES.format(port=self.port) + self._here(recipe("master.cf"))

    def settings(self) -> dict[str, object]:
        """main.cf."""
        settings = self.own_settings()
        for block in self.recipes():
            for line in self._here(block).splitlines():
                name, equals, value = line.partition(" = ")
                if equals:
                    settings[name] = f"{settings[name]}, {value}" if name in JOINED & settings.keys() else value
        return settings

    def recipes(self) -> list[str]:
        """The blocks of the documentation for main.cf."""
        return [recipe("main.cf", 0), recipe("main.cf", 1).replace(PIPE, LMTP)]

    def own_settings(self) -> dict[str, object]:
        """What main.cf has before the blocks of the documentation."""
        routes = " ".join(f"{domain}=smtp:[{place}]:{port}" for domain, (place, port) in self.routes.items())
        return {
            "compatibility_level": "3.6",
            "queue_directory": self.folder / "spool",
            "data_directory": self.folder / "data",
            "maillog_file": self.log,
            "maillog_file_prefixes": self.folder,
            "myhostname": "mx.sender.example",
            "mydestination": "",
            "mynetworks": "127.0.0.1/32",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "disable_dns_lookups": "yes",
            "alias_maps": "",
            "alias_database": "",
            "smtputf8_enable": "yes",
            "default_transport": "error:not loopback",
            "transport_maps": f"inline:{{ {routes} }}",
            # The first temporary failure is the last one; bounces themselves may wait.
            "maximal_queue_lifetime": "0",
            "bounce_queue_lifetime": "1h",
            "queue_run_delay": "2s",
            "minimal_backoff_time": "1s",
            "maximal_backoff_time": "2s",
            "default_destination_concurrency_failed_cohort_limit": "0",
        }


class Exim(Server):
    program = os.environ.get("EXIM") or shutil.which("exim4", path=SBIN) or shutil.which("exim", path=SBIN)
    user = next((entry.pw_name for entry in pwd.getpwall() if entry.pw_name in {"Debian-exim", "exim"}), "exim")
    lacks = lacking(program, "Exim", user)

    CONFIGURATION = """\
exim_path = {program}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/exim.pid
primary_hostname = {name}
qualify_domain = sender.example
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
disable_ipv6
deliver_drop_privilege
acl_smtp_rcpt = everybody
keep_environment =
tls_advertise_hosts =
host_lookup =
rfc1413_query_timeout = 0s
queue_run_max = 5
log_selector = +smtp_confirmation +received_recipients
{options}
begin acl
everybody:
{acl}
begin routers
{routers}
remote:
  driver = manualroute
  route_list = {routes}
  transport = remote
  self = send
begin transports
{transports}
remote:
  driver = smtp
  allow_localhost
  hosts_try_chunking =
  hosts_try_prdr =
  hosts_avoid_tls = *
begin retry
* * F,{life},1s
begin rewrite
begin authenticators
"""

    @property
    def log(self) -> Path:
        return self.folder / "log" / "mainlog"

    def command(self) -> list[str]:
        self._script("take-bounce-exim", "/usr/local/libexec/take-bounce-exim")
        for name in ("spool", "log"):
            (self.folder / name).mkdir()
            shutil.chown(self.folder / name, self.user)
        configuration = self.folder / "exim.conf"
        configuration.write_text(self._configuration(), encoding="utf-8")
        daemon = [str(self.program), "-C", str(configuration), "-bdf", "-q1s"]
        return ["timeout", "--kill-after=5", str(LIFE), *daemon]

    def _configuration(self) -> str:
        return self.CONFIGURATION.format(
            program=self.program,
            folder=self.folder,
            port=self.port,
            routes="; ".join(f"{domain} {place}::{port}" for domain, (place, port) in self.routes.items()),
            **self.settings(),
        )

    def settings(self) -> dict[str, str]:
        """The parts of the configuration that differ."""

        def second(text: str) -> str:
            return re.sub(r"\bbounces\b(?!\.)", "bounces_lmtp", text.replace(PIPE, LMTP))

        router = recipe("routers")
        return {
            "name": "mx.sender.example",
            "options": "delay_warning =",
            "acl": "  accept hosts = 127.0.0.1",
            "routers": self._here(router) + second(router),
            "transports": self._here(recipe("transports", 0)) + self._here(second(recipe("transports", 1))),
            "life": "2s",
        }
