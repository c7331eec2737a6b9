"""LibreOffice in a box: one process for each document, nothing of it outlives the document.

The box has no network and sees no file but the document; the throw-away profile refuses macros
and linked content as well, so that each of the two would do alone. One process waits, started
and empty, for the next document and serves only that one: starting is most of the time a short
document takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from app.adapters.sandbox import bare_environment, boxed, end
from app.domain.documents import Kind
from app.domain.errors import DocumentRefused, Refusal

_SECURITY = "/org.openoffice.Office.Common/Security/Scripting"
_SETTINGS = (
    (_SECURITY, "MacroSecurityLevel", "3"),
    (_SECURITY, "DisableMacrosExecution", "true"),
    (_SECURITY, "BlockUntrustedRefererLinks", "true"),
    (_SECURITY, "DisableActiveContent", "true"),
    (_SECURITY, "DisableOLEAutomation", "true"),
    ("/org.openoffice.Office.Writer/Content/Update", "Link", "0"),
    ("/org.openoffice.Office.Calc/Content/Update", "Link", "0"),
    ("/org.openoffice.Office.Common/Misc", "FirstRun", "false"),
    ("/org.openoffice.Setup/Office", "ooSetupInstCompleted", "true"),
    # A document that names no paper gets that of the locale: A4, not Letter.
    ("/org.openoffice.Setup/L10N", "ooSetupSystemLocale", "en-IN"),
)
_WRITER = frozenset({Kind.DOC, Kind.DOCX, Kind.ODT, Kind.RTF, Kind.TXT})
_CALC = frozenset({Kind.XLS, Kind.XLSX, Kind.ODS})
_CHUNK = 1 << 16

# ``$1`` program, ``$2`` memory in KiB, ``$3`` seconds of processor, ``$4`` largest file in blocks.
# The first line of input names the kind and the export filter, the rest is the document; the PDF
# leaves through standard output. LibreOffice's exit code says nothing: only a PDF counts.
_SCRIPT = """
ulimit -c 0; ulimit -f "$4"; ulimit -t "$3"; ulimit -v "$2"
exec 3>&1 >/dev/null 2>&1
mkdir -p /tmp/profile/user /tmp/out || exit 1
printf '%s' "$PROFILE" > /tmp/profile/user/registrymodifications.xcu
unset PROFILE
office() {
  "$program" -env:UserInstallation=file:///tmp/profile --headless --invisible --norestore \\
    --nologo --nodefault --nofirststartwizard "$@"
}
program=$1
office </dev/null 3>&- & waiting=$!
read -r kind filter || exit 1
cat > "/tmp/in.$kind"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  for pipe in /tmp/OSL_PIPE_*; do [ -S "$pipe" ] && break 2; done
  kill -0 $waiting || break
  sleep 0.1
done
if [ "$kind" = txt ]; then set -- "--infilter=Text (encoded):UTF8,LF,,,"; else set --; fi
office "$@" --convert-to "$filter" --outdir /tmp/out "/tmp/in.$kind" </dev/null 3>&-
wait $waiting
[ -s /tmp/out/in.pdf ] && exec cat /tmp/out/in.pdf >&3
exit 1
"""


@dataclass(frozen=True, slots=True)
class ConverterBounds:
    """What one document may cost: bytes of memory and of disk, seconds of processor and clock."""

    memory: int = 3_000_000_000
    cpu: int = 60
    file: int = 200_000_000
    scratch: int = 512 << 20
    wall: float = 60.0


class Converter:
    """Turns Office files into (still foreign) PDFs, ``size`` at once."""

    def __init__(
        self,
        *,
        soffice: str,
        bwrap: str,
        size: int = 2,
        bounds: ConverterBounds | None = None,
        idle_seconds: float = 600.0,
    ) -> None:
        self._soffice = soffice
        self._bwrap = bwrap
        self._bounds = bounds or ConverterBounds()
        self._size = size
        self._idle_seconds = idle_seconds
        self._places: asyncio.Semaphore | None = None
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="office")
        self._running: set[subprocess.Popen[bytes]] = set()
        self._spare: subprocess.Popen[bytes] | None = None
        self._lay_off: asyncio.TimerHandle | None = None

    async def convert(self, source: Path, kind: Kind, target: Path, *, max_pages: int) -> None:
        """Writes ``target``. Raises ``DocumentRefused`` when no PDF comes out in time."""
        if self._places is None:
            self._places = asyncio.Semaphore(self._size)
        async with self._places:
            loop = asyncio.get_running_loop()
            process = self._take()
            self._keep_spare(loop)  # starts while this one works
            order = f"{kind.value} {export_filter(kind, max_pages)}\n".encode()
            waiting = loop.run_in_executor(
                self._threads, self._exchange, process, order, source, target
            )
            try:
                await asyncio.shield(waiting)
            except asyncio.CancelledError:
                end(process)
                with contextlib.suppress(Exception):
                    await waiting
                raise
            finally:
                self._running.discard(process)

    def close(self) -> None:
        """Ends every process."""
        if self._lay_off is not None:
            self._lay_off.cancel()
        for process in list(self._running):
            end(process)
        self._running.clear()
        self._end_spare()
        self._threads.shutdown(wait=False)

    def _take(self) -> subprocess.Popen[bytes]:
        process, self._spare = self._spare, None
        if process is not None and process.poll() is not None:
            end(process)
            process = None
        process = process or self._start()
        self._running.add(process)
        return process

    def _keep_spare(self, loop: asyncio.AbstractEventLoop) -> None:
        """Starts the next process; when nobody comes for long it is ended and the memory free."""
        if self._lay_off is not None:
            self._lay_off.cancel()
            self._lay_off = None
        if self._idle_seconds <= 0:
            return
        if self._spare is None:
            self._spare = self._start()
        self._lay_off = loop.call_later(self._idle_seconds, self._end_spare)

    def _end_spare(self) -> None:
        spare, self._spare = self._spare, None
        if spare is not None:
            end(spare)

    def _start(self) -> subprocess.Popen[bytes]:
        bounds = self._bounds
        installed = Path(self._soffice).resolve().parent.parent
        limits = (bounds.memory // 1024, bounds.cpu, bounds.file // 512)
        command = boxed(
            self._bwrap,
            ["/bin/sh", "-c", _SCRIPT, "sh", self._soffice, *map(str, limits)],
            readable=[] if installed.is_relative_to("/usr") else [installed],
            environment=bare_environment(
                HOME="/tmp",  # noqa: S108 - the box's own
                PROFILE=profile(),
                SAL_USE_VCLPLUGIN="svp",
                SAL_DISABLE_JAVALDX="1",
            ),
            scratch_bytes=bounds.scratch,
            processes=True,
        )
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=bare_environment(),
            cwd="/",
            start_new_session=True,
        )

    def _exchange(
        self, process: subprocess.Popen[bytes], order: bytes, source: Path, target: Path
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Event()

        def stop() -> None:
            late.set()
            end(process)

        clock = threading.Timer(self._bounds.wall, stop)
        clock.start()
        written = 0
        try:
            with source.open("rb") as document, target.open("wb") as into:
                process.stdin.write(order)
                shutil.copyfileobj(document, process.stdin, _CHUNK)
                process.stdin.close()
                while chunk := process.stdout.read(_CHUNK):
                    written += len(chunk)
                    if written > self._bounds.file:
                        raise DocumentRefused(Refusal.TOO_COMPLEX, "the PDF grows without end")
                    into.write(chunk)
        except (BrokenPipeError, ValueError):
            written = 0  # it died, or was ended, before it had read the document
        finally:
            clock.cancel()
            end(process)
        if late.is_set():
            raise DocumentRefused(
                Refusal.TOO_COMPLEX, f"converting took longer than {self._bounds.wall:.0f} s"
            )
        if not written:
            raise DocumentRefused(Refusal.CONVERTER_FAILED, "no PDF came out")


def export_filter(kind: Kind, max_pages: int) -> str:
    """The export filter, told to stop one page after the limit: more would only be thrown away."""
    suite = "writer" if kind in _WRITER else "calc" if kind in _CALC else "impress"
    options = {"PageRange": {"type": "string", "value": f"1-{max_pages + 1}"}}
    return f"pdf:{suite}_pdf_Export:{json.dumps(options, separators=(',', ':'))}"


def profile() -> str:
    """The settings of a fresh profile (``registrymodifications.xcu``)."""
    items = "".join(
        f'<item oor:path="{path}"><prop oor:name="{name}" oor:op="fuse">'
        f"<value>{value}</value></prop></item>"
        for path, name, value in _SETTINGS
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<oor:items xmlns:oor="http://openoffice.org/2001/registry" '
        'xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{items}</oor:items>'
    )
