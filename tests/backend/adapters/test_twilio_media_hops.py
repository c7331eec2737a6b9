"""Where an attachment's redirects may lead, with Twilio played and the look-up of names ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.adapters.twilio_media import MediaFetcher
from app.domain.errors import ProviderError, ProviderRejected, ProviderUnavailable
from tests.wire.golden import TWILIO_ACCOUNT, TWILIO_API, TWILIO_TOKEN, golden

SID, ME = "MM000000000000000000000000fa4e000a", "ME000000000000000000000000fa4e000a"
PATH = f"/2010-04-01/Accounts/{TWILIO_ACCOUNT}/Messages/{SID}/Media/{ME}"
PDF = b"%PDF-1.4\n% made up\n"


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "original"


def nothing_left(into: Path) -> bool:
    return list(into.parent.iterdir()) == []


class Played(httpx2.AsyncBaseTransport):
    def __init__(self, answer: Callable[[httpx2.Request], httpx2.Response]) -> None:
        self.answer = answer
        self.asked: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        return self.answer(request)


def arrives() -> httpx2.Response:
    async def body() -> Any:
        yield PDF

    return httpx2.Response(200, content=body())


def at_twilio(
    played: Played, *addresses: str, base: str = TWILIO_API, looked_up: list[str] | None = None
) -> MediaFetcher:
    async def resolver(host: str, port: int) -> Sequence[str]:
        if looked_up is not None:
            looked_up.append(f"{host}:{port}")
        return addresses or ("18.66.1.1",)

    auth = (TWILIO_ACCOUNT, TWILIO_TOKEN)
    return MediaFetcher(base, auth=auth, seconds=5, transport=played, resolver=resolver)


async def test_the_golden_exchange(into: Path) -> None:
    first, second = golden("twilio", "media_download_exchange")["steps"]

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.host == "api.twilio.com":
            return httpx2.Response(307, headers=first["response"]["headers"])
        return arrives()

    played = Played(answer)
    await at_twilio(played).fetch(PATH, into, max_bytes=1000)

    assert [str(asked.url) for asked in played.asked] == [
        first["request"]["url"],
        second["request"]["url"],
    ]
    assert played.asked[0].headers["authorization"] == first["request"]["headers"]["Authorization"]
    assert "authorization" not in played.asked[1].headers
    assert into.read_bytes() == PDF


@pytest.mark.parametrize(
    ("case", "kind"),
    [("no_credentials", ProviderRejected), ("too_early", ProviderUnavailable)],
)
async def test_the_golden_failures(into: Path, case: str, kind: type[ProviderError]) -> None:
    cases = {c["name"]: c for c in golden("twilio", "media_download_errors")["cases"]}
    played = Played(lambda _: httpx2.Response(cases[case]["response"]["status"]))

    with pytest.raises(kind):
        await at_twilio(played).fetch(PATH, into, max_bytes=1000)


GOOD = [
    "https://mms.twiliocdn.com/AC/x?Expires=1",
    "https://MEDIA.TwilioCDN.com/x",
    "https://api.twilio.com/elsewhere",
    "https://media.twilio.com:443/x",
    "https://s3-external-1.amazonaws.com/media.twiliocdn.com/AC/x",
    "/relative",
    "//mms.twiliocdn.com/x",
]


@pytest.mark.parametrize("location", GOOD)
async def test_hosts_of_the_content_network_are_followed(into: Path, location: str) -> None:
    played = Played(
        lambda r: (
            arrives()
            if "authorization" not in r.headers
            else httpx2.Response(302, headers={"location": location})
        )
    )
    await at_twilio(played).fetch(PATH, into, max_bytes=1000)

    assert into.read_bytes() == PDF


_SCHEMES = ["http", "HTTP", "ftp", "file", "gopher", "javascript", "data", "ws", "ldap", "dict"]
_HOSTS = [
    *("127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "0x7f000001", "017700000001"),
    *("127.1", "169.254.169.254", "[::ffff:169.254.169.254]", "[fd00::1]", "10.0.0.1"),
    *("192.168.1.1", "172.16.0.1", "metadata.google.internal", "evil.test", "twilio.com.evil.test"),
    *("eviltwilio.com", "eviltwiliocdn.com", "mms.twiliocdn.com.evil.test", "twiliocdn.com"),
    *("mms.twiliocdn.com.", "mms-twiliocdn.com", "s3.amazonaws.com", "xn--twilio-.com"),
    *("evil.test%2f.twiliocdn.com", "evil.test\\.twiliocdn.com", "[mms.twiliocdn.com]"),
    *("１２７.0.0.1", "mms.twiliocdn。com.evil.test", "evil.test%00.twiliocdn.com"),
    *("evil.test:443#.twiliocdn.com", "evil.test?.twiliocdn.com", "evil.test/.twiliocdn.com"),
]
HOSTILE = [
    *(f"https://{host}/x" for host in _HOSTS),
    *(f"https://{host}:8443/x" for host in _HOSTS),
    *(f"http://{host}/x" for host in _HOSTS),
    *(f"https://mms.twiliocdn.com@{host}/x" for host in _HOSTS),
    *(f"https://u:p@{host}/x" for host in _HOSTS),
    *(f"//{host}/x" for host in _HOSTS),
    *(f"{scheme}://mms.twiliocdn.com/x" for scheme in _SCHEMES),
    *(f"{scheme}:mms.twiliocdn.com/x" for scheme in _SCHEMES[2:]),
    "https://mms.twiliocdn.com:80/x",
    "https://mms.twiliocdn.com:22/x",
    "https://mms.twiliocdn.com:99999/x",
    "https://mms.twiliocdn.com:x/x",
    "https://user@mms.twiliocdn.com/x",
    "https://:p@mms.twiliocdn.com/x",
    "https://s3-external-1.amazonaws.com/other-bucket/x",
    "https://s3-external-1.amazonaws.com/media.twiliocdn.com.evil/x",
    "https://s3-external-1.amazonaws.com/../media.twiliocdn.com/x",
    "https:///x",
    "https://",
    "https:\\\\mms.twiliocdn.com\\x",
    "",
]


def test_there_are_enough_hostile_addresses() -> None:
    assert len(set(HOSTILE)) > 200


async def test_no_hostile_redirect_is_followed(into: Path) -> None:
    for location in HOSTILE:
        redirect = httpx2.Response(302, headers=[(b"location", location.encode())])
        # mypy sees no defaults in a lambda that stands for a Callable.
        played = Played(lambda _, redirect=redirect: redirect)  # type: ignore[misc]
        with suppress(ProviderError):
            await at_twilio(played).fetch(PATH, into, max_bytes=1000)
        # "https:///x" names no other host, so the next question goes to the same one.
        assert {asked.url.host for asked in played.asked} == {"api.twilio.com"}, location

    assert nothing_left(into)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.9", "::1", "fd00::1"),
        *("::ffff:10.0.0.1", "0.0.0.0", "100.64.0.1", "fe80::1"),
    ],
)
async def test_a_name_that_leads_inside_is_refused(into: Path, address: str) -> None:
    played = Played(
        lambda _: httpx2.Response(302, headers={"location": "https://mms.twiliocdn.com/x"})
    )
    with pytest.raises(ProviderRejected, match="private address"):
        await at_twilio(played, "18.66.1.1", address).fetch(PATH, into, max_bytes=1000)

    assert [asked.url.host for asked in played.asked] == ["api.twilio.com"]


async def test_the_connection_goes_to_the_address_that_was_judged(into: Path) -> None:
    looked_up: list[str] = []
    played = Played(
        lambda r: (
            arrives()
            if "authorization" not in r.headers
            else httpx2.Response(302, headers={"location": "https://mms.twiliocdn.com/x?a=1"})
        )
    )
    fetcher = at_twilio(played, "18.66.1.1", looked_up=looked_up)
    fetcher._pin = True

    await fetcher.fetch(PATH, into, max_bytes=1000)

    hop = played.asked[1]
    assert (str(hop.url), hop.headers["host"]) == (
        "https://18.66.1.1/x?a=1",
        "mms.twiliocdn.com",
    )
    assert hop.extensions["sni_hostname"] == "mms.twiliocdn.com"
    assert looked_up == ["mms.twiliocdn.com:443"]


@pytest.mark.parametrize(
    ("base", "location", "followed"),
    [
        ("http://127.0.0.1:9001", "http://127.0.0.1:9002/x", True),
        ("http://127.0.0.1:9001", "http://localhost:9002/x", True),
        ("http://127.0.0.1:9001", "https://mms.twiliocdn.com/x", True),
        ("http://127.0.0.1:9001", "http://10.0.0.1:9002/x", False),
        ("http://127.0.0.1:9001", "http://mms.twiliocdn.com/x", False),
        ("http://127.0.0.1:9001", "file:///etc/passwd", False),
        ("https://twilio.test", "https://twilio.test:9002/x", True),
        ("https://twilio.test", "http://twilio.test/x", False),
        ("https://twilio.test", "https://other.test/x", False),
    ],
)
async def test_in_development_another_port_of_the_same_host_will_do(
    into: Path, base: str, location: str, followed: bool
) -> None:
    played = Played(
        lambda r: (
            arrives()
            if "authorization" not in r.headers
            else httpx2.Response(302, headers={"location": location})
        )
    )
    fetcher = at_twilio(played, base=base)
    if followed:
        await fetcher.fetch(PATH, into, max_bytes=1000)
    else:
        with pytest.raises(ProviderRejected):
            await fetcher.fetch(PATH, into, max_bytes=1000)
    assert len(played.asked) == (2 if followed else 1)
