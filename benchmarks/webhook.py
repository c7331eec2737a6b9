"""Webhooks accepted (verified, inbox row and task committed) beside a bare three-statement server.

One process each, 32 connections, the same durable PostgreSQL, rounds in turn; medians of the
rounds' ratios. Needs ``wrk``. Asked: ≥ 0.7 of the baseline's rate, p99 ≤ 1.2 of its p99.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

import asyncpg

from benchmarks.baseline_webhook import TABLES
from benchmarks.stage import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    ROOT,
    backend,
    free_port,
    median,
    postgres,
    process,
    verdict,
    wait_for,
)
from simulator.signing import twilio_signature

ROUNDS = 5
SECONDS = 4
CONNECTIONS = 32
PEOPLE = 1000
BODIES = 80_000

LUA = """
local bodies, n = {}, 0
for line in io.lines("%(file)s") do
  local signature, body = line:match("^(%%S+) (.*)$")
  n = n + 1
  bodies[n] = wrk.format("POST", "/webhook/twilio", {["Content-Type"] =
    "application/x-www-form-urlencoded", ["X-Twilio-Signature"] = signature}, body)
end
local at = %(start)d
request = function() at = at %% n + 1; return bodies[at] end
done = function(s, l, r)
  local bad = s.errors.status + s.errors.connect + s.errors.read + s.errors.timeout
  io.write(string.format("RESULT %%d %%d %%d %%.1f %%.1f\\n", s.requests, s.duration, bad,
    l:percentile(50), l:percentile(99)))
end
"""


def write_bodies(path: Path, url: str, series: int) -> None:
    with path.open("w") as out:
        for number in range(BODIES):
            sid = f"SM{series:08x}{number:024x}"
            phone = f"+9198{number % PEOPLE:08d}"
            form = {
                "SmsMessageSid": sid,
                "NumMedia": "0",
                "ProfileName": "Asha K",
                "MessageType": "text",
                "SmsSid": sid,
                "WaId": phone[1:],
                "SmsStatus": "received",
                "Body": "2",
                "To": "whatsapp:+14155238886",
                "NumSegments": "1",
                "ReferralNumMedia": "0",
                "MessageSid": sid,
                "AccountSid": ACCOUNT_SID,
                "From": f"whatsapp:{phone}",
                "ApiVersion": "2010-04-01",
            }
            signature = twilio_signature(f"{url}/webhook/twilio", form, token=AUTH_TOKEN)
            out.write(f"{signature} {urlencode(form)}\n")


def load(url: str, bodies: Path, start: int, seconds: int) -> tuple[float, float, float, int]:
    """(requests/s, p50 ms, p99 ms, errors) of one run of wrk."""
    script = bodies.with_suffix(".lua")
    script.write_text(LUA % {"file": bodies, "start": start})
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", script, url],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"RESULT (.*)", done.stdout)
    if found is None:
        sys.exit(f"wrk said: {done.stdout}{done.stderr}")
    requests, micros, errors, p50, p99 = map(float, found.group(1).split())
    return requests / micros * 1e6, p50 / 1e3, p99 / 1e3, int(errors)


async def prepare_baseline(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute(TABLES)
    await connection.executemany(
        "INSERT INTO baseline_session (phone) VALUES ($1)",
        [(f"whatsapp:+9198{number:08d}",) for number in range(PEOPLE)],
    )
    await connection.close()


def main() -> None:
    if shutil.which("wrk") is None:
        sys.exit("This benchmark needs wrk (Debian, Ubuntu: apt-get install wrk).")
    with (
        tempfile.TemporaryDirectory(prefix="printwala-bench-") as folder,
        postgres() as database,
        backend(database, BACKGROUND="off") as (ours, _),
    ):
        asyncio.run(prepare_baseline(database))
        port = free_port()
        bare = f"http://127.0.0.1:{port}"
        env = {
            "BASELINE_DATABASE": database,
            "BASELINE_TOKEN": AUTH_TOKEN,
            "BASELINE_URL": f"{bare}/webhook/twilio",
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-m", "uvicorn", "benchmarks.baseline_webhook:app"]
        command += ["--port", str(port), "--no-access-log", "--log-level", "warning"]
        with process(command, env=env) as child:
            wait_for(f"{bare}/health", child)
            bodies = {}
            for name, url in (("ours", ours), ("bare", bare)):
                bodies[name] = Path(folder) / name
                write_bodies(bodies[name], url, series=len(bodies))
                load(url, bodies[name], 0, 1)
            rates, tails = [], []
            print(f"{'round':>5} {'ours/s':>8} {'p99 ms':>7} {'bare/s':>8} {'p99 ms':>7}")
            for number in range(ROUNDS):
                start = 2000 + number * 15_000
                mine = load(ours, bodies["ours"], start, SECONDS)
                base = load(bare, bodies["bare"], start, SECONDS)
                if mine[3] or base[3]:
                    sys.exit(f"errors under load: ours {mine[3]}, bare {base[3]}")
                rates.append(mine[0] / base[0])
                tails.append(mine[2] / base[2])
                print(f"{number:5} {mine[0]:8.0f} {mine[2]:7.1f} {base[0]:8.0f} {base[2]:7.1f}")
            verdict("webhooks accepted, ratio to the baseline", median(rates), 0.7, at_least=True)
            verdict("p99, ratio to the baseline's", median(tails), 1.2)


if __name__ == "__main__":
    main()
