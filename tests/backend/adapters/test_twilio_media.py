"""Attachments: the password stays here, and size, time and direction have limits."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.adapters.twilio import TwilioMessenger
from app.core.transaction_guard import inside_transaction
from app.domain.errors import (
    DocumentRefused,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    Refusal,
)
from app.ports import MediaRef
from tests.wire.golden import TWILIO_ACCOUNT, TWILIO_TOKEN
from tests.wire.server import closed_port, serving, speaking

MEDIA = MediaRef("MM000000000000000000000000fa4e000a", "ME000000000000000000000000fa4e000a")
PATH = f"/2010-04-01/Accounts/{TWILIO_ACCOUNT}/Messages/{MEDIA.message_sid}/Media/{MEDIA.media_sid}"
PDF = b"%PDF-1.4\n% made up\n"


def messenger(base: str, *, seconds: float = 5.0) -> TwilioMessenger:
    return TwilioMessenger(
        account_sid=TWILIO_ACCOUNT,
        auth_token=TWILIO_TOKEN,
        from_number="+14155238886",
        api_base_url=base,
        content_base_url=base,
        media_seconds=seconds,
    )


async def fetched(base: str, into: Path, *, max_bytes: int = 1000, seconds: float = 5.0) -> bytes:
    ours = messenger(base, seconds=seconds)
    try:
        await ours.fetch_media(MEDIA, into, max_bytes=max_bytes)
    finally:
        await ours.close()
    return into.read_bytes()


def says(status: int, body: bytes = b"", location: str | None = None) -> Any:
    async def answer(_: Request) -> Response:
        return Response(body, status, {"location": location} if location else None)

    return answer


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "original"


def nothing_left(into: Path) -> bool:
    return list(into.parent.iterdir()) == []


async def test_the_second_host_never_sees_the_password(into: Path) -> None:
    async with serving(says(200, PDF)) as cdn, serving(says(307, location="/")) as api:
        api.answer = says(307, location=f"{cdn.url}/object?Signature=FAKE")
        assert await fetched(api.url, into) == PDF

    assert [seen.path for seen in api.seen] == [PATH]
    assert api.seen[0].headers["authorization"].startswith("Basic ")
    assert [seen.path for seen in cdn.seen] == ["/object?Signature=FAKE"]
    assert "authorization" not in cdn.seen[0].headers
    assert list(into.parent.iterdir()) == [into]


async def test_nor_does_the_first_host_see_it_twice(into: Path) -> None:
    async def answer(request: Request) -> Response:
        moved = request.url.path == PATH
        return Response(PDF, 302 if moved else 200, {"location": "/moved"} if moved else None)

    async with serving(answer) as api:
        assert await fetched(api.url, into) == PDF

    assert "authorization" in api.seen[0].headers
    assert "authorization" not in api.seen[1].headers


@pytest.mark.parametrize(("hops", "arrives"), [(3, True), (4, False)])
async def test_three_redirects_are_enough(into: Path, hops: int, arrives: bool) -> None:
    left = hops

    async def answer(_: Request) -> Response:
        nonlocal left
        left -= 1
        return Response(PDF, 302 if left >= 0 else 200, {"location": f"/{left}"})

    async with serving(answer) as api:
        if arrives:
            assert await fetched(api.url, into) == PDF
        else:
            with pytest.raises(ProviderRejected):
                await fetched(api.url, into)
            assert nothing_left(into)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, ProviderUnavailable),
        (429, ProviderUnavailable),
        (500, ProviderUnavailable),
        (503, ProviderUnavailable),
        (401, ProviderRejected),
        (403, ProviderRejected),
        (410, ProviderRejected),
        (204, ProviderRejected),
    ],
)
async def test_what_their_answers_mean(into: Path, status: int, kind: type[ProviderError]) -> None:
    async with serving(says(status)) as api:
        with pytest.raises(ProviderError) as caught:
            await fetched(api.url, into)

    assert type(caught.value) is kind
    assert len(api.seen) == 1
    assert nothing_left(into)


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False)])
async def test_the_byte_cap_is_exact(into: Path, size: int, fits: bool) -> None:
    async with serving(says(200, b"x" * size)) as api:
        if fits:
            assert len(await fetched(api.url, into)) == size
        else:
            with pytest.raises(DocumentRefused) as caught:
                await fetched(api.url, into)
            assert caught.value.reason is Refusal.TOO_BIG
            assert nothing_left(into)


async def test_an_endless_attachment_stops_at_the_cap(into: Path) -> None:
    async def endless(_: Request) -> Response:
        async def body() -> Any:
            while True:
                yield b"x" * 65536
                await asyncio.sleep(0)

        return StreamingResponse(body())

    async with serving(endless) as api:
        with pytest.raises(DocumentRefused):
            await fetched(api.url, into, max_bytes=3_000_000)

    assert nothing_left(into)


async def test_a_large_attachment_arrives_whole(into: Path) -> None:
    large = bytes(range(256)) * 12_000
    async with serving(says(200, large)) as api:
        assert await fetched(api.url, into, max_bytes=len(large)) == large


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n%PDF",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n%PDF", 5.0),
        (5.0,),
    ],
    ids=["hangs up", "half", "stalls", "silent"],
)
async def test_an_interrupted_attachment_leaves_nothing_behind(
    into: Path, parts: tuple[bytes | float, ...]
) -> None:
    async with speaking(*parts) as url:
        with pytest.raises(ProviderUnavailable):
            await fetched(url, into, seconds=0.4)

    assert nothing_left(into)


async def test_a_drip_is_cut_off_at_the_total_time(into: Path) -> None:
    drips: list[bytes | float] = [b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"]
    for _ in range(30):
        drips += [b"x", 0.05]
    async with speaking(*drips) as url:
        with pytest.raises(ProviderUnavailable, match="TimeoutError"):
            await fetched(url, into, seconds=0.4)

    assert nothing_left(into)


async def test_an_encoding_nobody_asked_for_is_refused(into: Path) -> None:
    packed = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi"
    async with speaking(packed) as url:
        with pytest.raises(ProviderRejected):
            await fetched(url, into)


async def test_nobody_there(into: Path) -> None:
    with pytest.raises(ProviderUnavailable):
        await fetched(closed_port(), into)


async def test_not_inside_a_transaction(into: Path) -> None:
    with inside_transaction(), pytest.raises(RuntimeError):
        await fetched(closed_port(), into)
