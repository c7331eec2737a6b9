"""The baseline: bare Starlette, asyncpg, one transaction of three statements, HMAC verified."""

from __future__ import annotations

import base64
import hmac
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

TOKEN = os.environ.get("BASELINE_TOKEN", "").encode()
URL = os.environ.get("BASELINE_URL", "").encode()
ANSWER = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
numbers = itertools.count()

TABLES = """
DROP TABLE IF EXISTS baseline_session, baseline_log;
CREATE TABLE baseline_session (id serial PRIMARY KEY, phone text UNIQUE NOT NULL,
    state text NOT NULL DEFAULT 'NEW', step int NOT NULL DEFAULT 0,
    updated timestamptz NOT NULL DEFAULT now());
CREATE TABLE baseline_log (sid text PRIMARY KEY, phone text NOT NULL, body text NOT NULL,
    at timestamptz NOT NULL DEFAULT now());
"""


async def receive(request: Request) -> Response:
    form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
    signed = URL + "".join(key + value for key, value in sorted(form.items())).encode()
    expected = base64.b64encode(hmac.digest(TOKEN, signed, "sha1"))
    if not hmac.compare_digest(expected, request.headers["x-twilio-signature"].encode()):
        return Response(status_code=403)
    pool: Any = request.app.state.pool
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(
            "SELECT id, step FROM baseline_session WHERE phone = $1 FOR UPDATE", form["From"]
        )
        await connection.execute(
            "UPDATE baseline_session SET state = $2, step = $3, updated = now() WHERE id = $1",
            row["id"],
            f"S{row['step'] % 7}",
            row["step"] + 1,
        )
        await connection.execute(
            "INSERT INTO baseline_log (sid, phone, body) VALUES ($1, $2, $3)",
            f"{form['MessageSid']}-{os.getpid()}-{next(numbers)}",
            form["From"],
            form["Body"],
        )
    return Response(ANSWER, media_type="text/xml")


async def ready(_: Request) -> Response:
    return Response(b"ok")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with asyncpg.create_pool(
        os.environ["BASELINE_DATABASE"], min_size=10, max_size=10
    ) as pool:
        app.state.pool = pool
        yield


app = Starlette(
    routes=[Route("/webhook/twilio", receive, methods=["POST"]), Route("/health", ready)],
    lifespan=lifespan,
)
