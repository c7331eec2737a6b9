"""Every way a call can go wrong ends as one of three errors, against real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from structlog.testing import capture_logs

from app.adapters.http import Outage, TimeOuts, Wire, loggable, retry_after
from app.core.transaction_guard import in_transaction, inside_transaction
from app.domain.errors import (
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    ProviderUncertain,
)
from tests.wire.server import closed_port, serving, speaking

QUICK = TimeOuts(connect=0.5, read=0.3, write=0.5, pool=0.5, total=2.0)


def spoken(data: Any) -> tuple[str, str]:
    error = data if isinstance(data, dict) else {}
    return str(error.get("code", "")), str(error.get("message", ""))


def wire(url: str, time_outs: TimeOuts = QUICK) -> Wire:
    return Wire("acme", url, auth=("id", "secret"), error_text=spoken, time_outs=time_outs)


async def failure(wire: Wire, method: str) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await (wire.get("/x") if method == "GET" else wire.post("/x", body={"a": 1}))
    await wire.close()
    return caught.value


@pytest.fixture(params=["GET", "POST"])
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def unclear(method: str) -> type[ProviderError]:
    """A question may be asked again; an order may have been carried out."""
    return ProviderUnavailable if method == "GET" else ProviderUncertain


async def test_nobody_there_means_it_never_happened(method: str) -> None:
    error = await failure(wire(closed_port()), method)

    assert type(error) is ProviderUnavailable
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"half":',),
        (b"not http at all\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Encoding: gzip\r\n\r\nnot-gzip!",),
    ],
    ids=["hangs up", "half a body", "no http", "broken gzip"],
)
async def test_a_broken_answer_is_unclear(method: str, parts: tuple[bytes, ...]) -> None:
    async with speaking(*parts) as url:
        error = await failure(wire(url), method)

    assert type(error) is unclear(method)


async def test_silence_is_unclear_and_ends_in_time(method: str) -> None:
    async with speaking(60.0) as url:
        started = asyncio.get_running_loop().time()
        error = await failure(wire(url), method)

    assert type(error) is unclear(method)
    assert "ReadTimeout" in str(error)
    assert asyncio.get_running_loop().time() - started < 5


async def test_an_answer_that_drips_for_ever_is_cut_off(method: str) -> None:
    drips: list[bytes | float] = [b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"]
    for _ in range(100):
        drips += [b" ", 0.1]
    async with speaking(*drips) as url:
        error = await failure(wire(url), method)

    assert type(error) is unclear(method)
    assert "TimeoutError" in str(error)


def fixed(status: int, body: bytes = b"", **headers: str) -> Any:
    async def answer(_: Request) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Response(body, status, named)

    return answer


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_their_breakdown_is_unclear_even_as_html(method: str, status: int) -> None:
    async with serving(fixed(status, b"<html>oops</html>", content_type="text/html")) as server:
        error = await failure(wire(server.url), method)

    assert type(error) is unclear(method)
    assert len(server.seen) == 1  # nothing is repeated on its own


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"{", b"\xff\xfe", b"[" * 100_000])
async def test_success_that_cannot_be_read_is_unclear(method: str, body: bytes) -> None:
    async with serving(fixed(200, body)) as server:
        error = await failure(wire(server.url), method)

    assert type(error) is unclear(method)


async def test_a_redirect_is_not_followed(method: str) -> None:
    async with serving(fixed(302, location="/elsewhere")) as server:
        error = await failure(wire(server.url), method)

    assert type(error) is unclear(method)
    assert [seen.path for seen in server.seen] == ["/x"]


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("soon", None), ("99999", 3600.0)])
async def test_too_many_requests_never_happened(
    method: str, header: str, seconds: float | None
) -> None:
    async with serving(fixed(429, b"{}", retry_after=header)) as server:
        error = await failure(wire(server.url), method)

    assert isinstance(error, ProviderUnavailable)
    assert error.retry_after == seconds


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422])
async def test_a_no_is_a_no_with_their_code(method: str, status: int) -> None:
    body = b'{"code": 21211, "message": "The number +919000090000 is\\nwrong"}'
    async with serving(fixed(status, body)) as server:
        error = await failure(wire(server.url), method)

    assert isinstance(error, ProviderRejected)
    assert (error.status, error.provider_code) == (status, "21211")
    assert str(error) == f"acme: HTTP {status} The number … is wrong"


async def test_a_no_in_html_is_still_a_no(method: str) -> None:
    async with serving(fixed(403, b"<html>blocked</html>")) as server:
        error = await failure(wire(server.url), method)

    assert isinstance(error, ProviderRejected)
    assert str(error) == "acme: HTTP 403 Forbidden"


async def test_an_endless_answer_is_not_swallowed() -> None:
    async with serving(fixed(200, b" " * (9 * 1024 * 1024))) as server:
        error = await failure(wire(server.url, TimeOuts()), "GET")

    assert type(error) is ProviderUnavailable


async def test_success_gives_the_data_and_empty_gives_none() -> None:
    async def answer(request: Request) -> Response:
        if request.method == "DELETE":
            return Response(status_code=204)
        return JSONResponse({"path": request.url.path, "q": request.url.query})

    async with serving(answer) as server:
        ours = wire(server.url + "/")
        assert (await ours.get("/a", params={"b": "c d"})).data == {"path": "/a", "q": "b=c+d"}
        assert (await ours.delete("/a")).data is None
        await ours.close()

    assert server.seen[0].headers["authorization"].startswith("Basic ")


@pytest.fixture
async def never_called() -> AsyncIterator[Wire]:
    async with serving(fixed(200, b"{}")) as server:
        ours = wire(server.url)
        yield ours
        await ours.close()
        assert server.seen == []


async def test_no_call_from_inside_a_transaction(never_called: Wire) -> None:
    with inside_transaction(), pytest.raises(RuntimeError, match="defer a task instead"):
        await never_called.post("/x", body={})

    assert not in_transaction.get()


async def test_a_transaction_elsewhere_does_not_forbid_ours() -> None:
    begun, done = asyncio.Event(), asyncio.Event()

    async def elsewhere() -> None:
        with inside_transaction():
            begun.set()
            await done.wait()

    task = asyncio.create_task(elsewhere())
    await begun.wait()
    async with serving(fixed(200, b"{}")) as server:
        ours = wire(server.url)
        await ours.get("/x")
        await ours.close()
    done.set()
    await task

    assert len(server.seen) == 1


def test_nested_spans_end_one_by_one() -> None:
    with inside_transaction():
        with inside_transaction():
            pass
        assert in_transaction.get()
    assert not in_transaction.get()


async def test_an_outage_speaks_when_it_starts_and_when_it_ends() -> None:
    status = 500

    async def answer(_: Request) -> Response:
        return Response(b"{}", status)

    with capture_logs() as lines:
        async with serving(answer) as server:
            ours = wire(server.url)
            for status in (500, 503, 500, 404, 200, 200):
                with pytest.raises(ProviderError) if status != 200 else nullcontext():
                    await ours.get("/x")
            await ours.close()

    assert [line["event"] for line in lines] == ["unreachable", "reachable again"]


def test_an_outage_says_how_long_it_was() -> None:
    times = iter([100.0, 160.5])
    outage = Outage("redis", clock=lambda: next(times))
    with capture_logs() as lines:
        outage.worked()
        outage.failed("gone")
        outage.failed("still gone")
        outage.worked()

    assert [(line["event"], line.get("seconds")) for line in lines] == [
        ("unreachable", None),
        ("reachable again", 60.5),
    ]


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ("to whatsapp:+91 90000-90000 failed", "to whatsapp:… failed"),
        ("code 63016 in 2026", "code 63016 in 2026"),
        ("a\r\nb\x00c\u2028d", "a b c d"),
        ("x" * 999, "x" * 300),
    ],
)
def test_their_words_are_made_fit_for_a_log(said: str, logged: str) -> None:
    assert loggable(said) == logged


def test_retry_after_absent() -> None:
    assert retry_after({}) is None
