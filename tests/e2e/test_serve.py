"""``serve`` as a service manager sees it: how it ends, with which code, and with which sentence."""

from __future__ import annotations

import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.core.embedded_postgres import EmbeddedPostgres
from tests.support.processes import PYTHON, ROOT, Program, clean_environment, left_over
from tests.support.services import free_port, public_directory

MARK = f"serve-{secrets.token_hex(6)}"


@pytest.fixture
def folder() -> Iterator[Path]:
    with public_directory("serve") as path:
        yield path
    assert left_over(MARK) == [], "processes stayed behind"


def serving(folder: Path, port: int, **settings: str) -> Program:
    """The web process on an embedded database below ``folder``, started."""
    wanted = {"DATABASE_URL": "", "DATA_DIR": str(folder / "data"), "PRINTWALA_TEST": MARK}
    program = Program(
        "serve",
        [PYTHON, "-m", "app.cli", "serve", "--port", str(port)],
        cwd=ROOT / "backend",
        env=clean_environment(**wanted | settings),
        log=folder / "serve.log",
    )
    program.start()
    return program


def last_words(program: Program) -> str:
    return program.said().splitlines()[-1]


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_sigterm_is_an_ordinary_end_that_takes_the_database_along(folder: Path) -> None:
    port = free_port()
    program = serving(folder, port)
    program.answers(f"http://127.0.0.1:{port}/health")
    database = EmbeddedPostgres(folder / "data")
    server = psutil.Process(database.pid)

    assert program.stop(signal.SIGTERM) == 0

    assert is_gone(server)
    assert database.pid is None
    assert "Traceback" not in program.said()
    assert "embedded_postgres_stopped" in program.said()


def test_sigterm_during_the_start_is_an_ordinary_end_too(folder: Path) -> None:
    program = serving(folder, free_port())
    program.waits_for("Waiting for application startup")

    assert program.stop(signal.SIGTERM, seconds=30) == 0

    assert EmbeddedPostgres(folder / "data").pid is None
    assert "Traceback" not in program.said()


def test_a_port_that_is_taken_is_named_and_the_database_does_not_stay(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        program = serving(folder, port)

        assert program.ended(seconds=60) == 1

    assert last_words(program) == (
        f"Nothing can listen on 127.0.0.1:{port}; the reason is above. Stop the other program, "
        "or choose another --host and --port."
    )
    assert EmbeddedPostgres(folder / "data").pid is None


def test_a_database_that_does_not_answer_is_a_sentence(folder: Path) -> None:
    port = free_port()
    address = f"postgresql://shop@127.0.0.1:{free_port()}/shop"
    program = serving(folder, port, DATABASE_URL=address)

    assert program.ended(seconds=60) == 1

    words = program.said()
    assert "The database does not answer: " in words
    assert "Check DATABASE_URL." in last_words(program)


WRONG = {
    "DATABASE_URL": ("mysql://shop@db/shop", "must begin with postgresql://"),
    "TWILIO_WHATSAPP_NUMBER": ("our shop", "must be a number with its country"),
    "PAYMENT_LINK_MINUTES": ("5", "greater than or equal to 16"),
}


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "app.cli", "serve"),
        ("-m", "app.cli", "background"),
        ("-m", "app.cli", "migrate"),
        ("-m", "app.cli", "doctor"),
        ("-m", "uvicorn", "app.main:app"),
    ],
    ids=" ".join,
)
def test_wrong_settings_end_every_program_with_2_before_it_touches_anything(
    folder: Path, command: tuple[str, ...]
) -> None:
    data = folder / "data"
    ended = subprocess.run(
        [PYTHON, *command],
        cwd=ROOT / "backend",
        env=clean_environment(
            PRINTWALA_TEST=MARK,
            DATA_DIR=str(data),
            **{name: value for name, (value, _) in WRONG.items()},
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    [sentence] = ended.stderr.splitlines()
    assert sentence.startswith("printwala does not start: ")
    for name, (_, told) in WRONG.items():
        assert f"{name}: " in sentence
        assert told in sentence
    assert not data.exists()
