"""How it starts, and when it will not."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest

from simulator.settings import WrongSettings, credentials, settings_of
from tests.wire.golden import golden

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"TWILIO_ACCOUNT_SID": "AC1f" + "7" * 30}, "TWILIO_ACCOUNT_SID looks like a real account"),
        ({"RAZORPAY_KEY_ID": "rzp_live_abcdefghijklmn"}, "RAZORPAY_KEY_ID is not a test key"),
        ({"TWILIO_API_BASE_URL": "https://api.twilio.com"}, "is not this computer"),
        (
            {
                "TWILIO_API_BASE_URL": "http://127.0.0.1:1",
                "RAZORPAY_API_BASE_URL": "http://127.0.0.1:2",
            },
            "three base URLs differ",
        ),
    ],
)
def test_it_refuses_what_might_be_real(environ: dict[str, str], said: str) -> None:
    with pytest.raises(WrongSettings, match=said):
        settings_of(environ=environ)


def test_it_calls_nobody_but_this_computer() -> None:
    with pytest.raises(WrongSettings, match="not this computer"):
        settings_of(backend="https://shop.example", environ={})
    settings = settings_of(
        backend="http://127.0.0.1:8000", public_url="https://shop.example/", environ={}
    )
    assert settings.reachable("https://shop.example/webhook/twilio/status?a=1") == (
        "http://127.0.0.1:8000/webhook/twilio/status?a=1"
    )
    assert settings.reachable("https://shop.example.evil/x") is None
    assert settings.reachable("https://elsewhere.example/x") is None
    assert settings.reachable("http://localhost:9/x") == "http://localhost:9/x"


def test_the_fakes_are_the_ones_that_sign_the_golden_payloads() -> None:
    fakes = credentials({})
    signing = golden("twilio", "inbound_text")["signing"]
    assert fakes["TWILIO_AUTH_TOKEN"] == signing["auth_token"]
    signing = golden("razorpay", "webhook_order_paid")["signing"]
    assert fakes["RAZORPAY_WEBHOOK_SECRET"] == signing["webhook_secret"]


def test_the_environment_may_name_other_fakes() -> None:
    settings = settings_of(
        environ={
            "TWILIO_ACCOUNT_SID": "AC" + "0" * 31 + "1",
            "TWILIO_WHATSAPP_NUMBER": "+14155238886",
            "RAZORPAY_KEY_ID": "rzp_test_other",
            "RAZORPAY_API_BASE_URL": "http://127.0.0.1:9999/",
        }
    )
    assert settings.account_sid.endswith("1")
    assert settings.number == "whatsapp:+14155238886"
    assert (settings.key_id, settings.origin) == ("rzp_test_other", "http://127.0.0.1:9999")


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "simulator", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": "", "PYTHONIOENCODING": "cp1252", **environ},
        timeout=30,
        check=False,
    )


def test_env_prints_what_a_backend_needs() -> None:
    done = run("env", "--port", "8911")
    assert done.returncode == 0
    lines = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert set(lines) == {
        *credentials({}),
        *(f"{n}_BASE_URL" for n in ("TWILIO_API", "TWILIO_CONTENT", "RAZORPAY_API")),
    }
    assert lines["RAZORPAY_API_BASE_URL"] == "http://127.0.0.1:8911"


def test_a_live_key_ends_it_before_it_starts() -> None:
    done = run(RAZORPAY_KEY_ID="rzp_live_abcdefghijklmn")
    assert done.returncode == 2
    assert done.stderr.startswith("simulator: RAZORPAY_KEY_ID is not a test key.")
    assert done.stdout == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send a child")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_although_a_page_is_open(ending: signal.Signals) -> None:
    command = [sys.executable, "-m", "simulator", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as started:
        assert started.stdout
        assert started.stderr
        origin = started.stdout.readline().split(" at ")[1].split()[0]
        revision = httpx2.get(f"{origin}/control/changes").json()["revision"]
        query = f"revision={revision}&paper=&timeout=20"

        def watch() -> None:
            with contextlib.suppress(httpx2.TransportError):  # cut off is an end as well
                httpx2.get(f"{origin}/control/changes?{query}", timeout=30)

        waiting = threading.Thread(target=watch)
        waiting.start()
        time.sleep(0.3)  # until its question hangs, which shows nowhere
        started.send_signal(ending)
        # Less than the twenty seconds for which the question would be held open.
        assert started.wait(10) == (130 if ending == signal.SIGINT else 0)
        waiting.join(5)
        assert started.stderr.read() == ""
