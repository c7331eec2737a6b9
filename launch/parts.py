"""One part of the demo: a program with its own process group, whose words we pass on."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from launch.terminal import Failure

COLOURS = {"simulator": "35", "backend": "36", "worker": "33"}
PR_SET_PDEATHSIG = 1
LAST_LINES = 30

_printing = threading.Lock()
# Never through a proxy: everything here is on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Part:
    """A running program. ``quiet`` keeps its words for the case that it fails.

    It writes to a file, which we read along: a pipe would break when we are killed, and a part
    that cannot speak may not get to its orderly end.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        journal: Path,
        quiet: bool = False,
    ) -> None:
        self.name = name
        self._journal = journal
        self.last = deque[str](maxlen=LAST_LINES)
        with journal.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # One of two keywords, by system; the overloads take no dictionary.
                **_own_group(),  # type: ignore[call-overload]
            )
        self._quiet = quiet
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def check(self) -> None:
        """Raise ``Failure`` with the last lines when the program has ended by itself."""
        code = self.process.poll()
        if code is None:
            return
        self._reader.join(1)
        words = "\n".join(f"  {line}" for line in self.last) or "  (it said nothing)"
        raise Failure(
            f"the {self.name} ended by itself (exit code {code}). Its last lines:\n{words}"
        )

    def wait_for(self, url: str, *, seconds: float) -> None:
        """Wait until the program answers 200 on ``url``."""
        deadline = time.monotonic() + seconds
        while not _answers(url):
            self.check()
            if time.monotonic() > deadline:
                words = "\n".join(f"  {line}" for line in self.last)
                raise Failure(
                    f"the {self.name} did not answer on {url} within {seconds:.0f} seconds. Its "
                    f"last lines:\n{words}"
                )
            time.sleep(0.1)

    def ask_to_stop(self) -> None:
        """Ask the program to end in an orderly way."""
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                self.process.send_signal(signal.CTRL_BREAK_EVENT)
            else:
                self.process.terminate()

    def stop(self, *, deadline: float) -> None:
        """Wait until ``deadline`` (monotonic clock), then end what is left of its group."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.1, deadline - time.monotonic()))
        if sys.platform == "win32":
            if self.process.poll() is None:
                kill = ["taskkill", "/T", "/F", "/PID", str(self.process.pid)]
                subprocess.run(kill, capture_output=True, check=False)
        else:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join(1)

    def _read(self) -> None:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        name = f"{self.name:<9} |"
        prefix = f"\033[{COLOURS[self.name]}m{name}\033[0m" if colour else name
        for line in self._lines():
            self.last.append(line)
            if not self._quiet:
                with _printing, contextlib.suppress(OSError):
                    print(f"{prefix} {line}", flush=True)

    def _lines(self) -> Iterator[str]:
        """Lines as they are written, until the program has ended and all is read."""
        with self._journal.open(encoding="utf-8", errors="replace") as written:
            unfinished = ""
            while True:
                ended = self.process.poll() is not None
                while text := written.readline():
                    unfinished += text
                    if text.endswith("\n"):
                        yield unfinished.rstrip()
                        unfinished = ""
                if ended:
                    if unfinished:
                        yield unfinished
                    return
                time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with _opener.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _own_group() -> dict[str, object]:
    """Out of reach of the terminal's Ctrl-C: we stop the parts ourselves, in order."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True, "preexec_fn": _dies_with_us()}


def _dies_with_us() -> Callable[[], None] | None:
    """On Linux the kernel tells the parts when we are killed without a chance to do so."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask_the_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return ask_the_kernel
