"""Who may call what, and the shape of every refusal."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio

from tests.backend.services.seeds import crowd, paid
from tests.support.outside import PUBLIC, Customer
from tests.support.shop import FINISHED, WORKER_KEY, Held, House

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Nobody's; the same each time, for it is in the names of tests.
SOME = "5e1f0000-0000-4000-8000-00000000d00f"
WORKERS = [
    ("POST", "/api/v1/print_jobs/claim"),
    ("PUT", f"/api/v1/print_jobs/{SOME}/status"),
    ("POST", f"/api/v1/print_jobs/{SOME}/heartbeat"),
    ("POST", "/api/v1/workers/heartbeat"),
]
BOTH = [
    ("GET", f"/api/v1/print_jobs/{SOME}"),
    ("POST", f"/api/v1/print_jobs/{SOME}/retry"),
    ("GET", "/metrics"),
]
STAFF = [
    ("GET", "/api/v1/dashboard/stats"),
    ("GET", "/api/v1/dashboard/orders"),
    ("GET", f"/api/v1/dashboard/orders/{SOME}"),
    ("GET", "/api/v1/dashboard/pending-jobs"),
    ("GET", "/api/v1/dashboard/failed-jobs"),
    ("POST", f"/api/v1/dashboard/orders/{SOME}/refund"),
    ("POST", f"/api/v1/dashboard/orders/{SOME}/cancel"),
    ("POST", f"/api/v1/dashboard/orders/{SOME}/cash"),
    ("GET", "/api/v1/dashboard/attention"),
    ("GET", f"/api/v1/dashboard/attention/{SOME}"),
    ("POST", f"/api/v1/dashboard/attention/{SOME}/resolve"),
]


def refused(answer: httpx2.Response, status: int, code: str = "") -> None:
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "detail"}
    assert answer.json()["error"] == code or not code
    assert answer.json()["detail"].endswith((".", ">.")) or status == 422


@pytest.mark.parametrize(("method", "path"), WORKERS + BOTH + STAFF)
async def test_no_credential_no_answer(shop: House, method: str, path: str) -> None:
    credentials: tuple[dict[str, Any], ...] = (
        {},
        {"X-API-Key": ""},
        {"X-API-Key": "wrong"},
        {"X-API-Key": WORKER_KEY[:-1]},
        {"X-API-Key": "wk_" + "0" * 40},
        {"X-API-Key": "ключ".encode()},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {shop.token}"},
        {"Authorization": f"Bearer {WORKER_KEY}"},
        {"Cookie": "staff=guessed; __Host-staff=guessed"},
    )
    for headers in credentials:
        answer = await shop.api.request(method, path, headers=headers)
        refused(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), WORKERS)
async def test_a_staff_token_is_no_worker(shop: House, method: str, path: str) -> None:
    refused(await shop.api.request(method, path, headers=shop.staff), 403, "forbidden")


@pytest.mark.parametrize(("method", "path"), STAFF)
async def test_a_worker_is_no_staff(shop: House, method: str, path: str) -> None:
    answer = await shop.api.request(method, path, headers=shop.worker().key)
    refused(answer, 403, "forbidden")


@pytest.mark.parametrize(("method", "path"), BOTH)
async def test_some_doors_open_to_both(shop: House, method: str, path: str) -> None:
    for headers in (shop.staff, shop.worker().key):
        answer = await shop.api.request(method, path, headers=headers)
        assert answer.status_code == (200 if path == "/metrics" else 404)


async def test_strangers_are_sent_away_before_their_body_is_read(shop: House) -> None:
    """The answer comes while the body is still being sent."""
    address = urlsplit(str(shop.api.base_url))
    for path in ("/api/v1/print_jobs/claim", f"/api/v1/dashboard/orders/{SOME}/refund"):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
            "Content-Length: 1000000\r\n\r\n{".encode()
        )
        await writer.drain()
        line = await asyncio.wait_for(reader.readline(), 5)
        assert line.split()[1] == b"401"
        writer.close()


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/webhook/twilio", 64 * 1024),
        ("/webhook/twilio/status", 64 * 1024),
        ("/api/webhooks/razorpay-webhook", 1024 * 1024),
    ],
)
async def test_bodies_end_somewhere(shop: House, path: str, limit: int) -> None:
    async def endless() -> Any:
        for _ in range(40):
            yield b"a" * (limit // 20)

    refused(await shop.api.post(path, content=b"a" * (limit + 1)), 413, "too_large")
    refused(await shop.api.post(path, content=endless()), 413, "too_large")


async def test_unsigned_webhooks_change_nothing(shop: House) -> None:
    before = await shop.snapshot()
    wrong_keys: tuple[Any, ...] = (
        {},
        {"X-Twilio-Signature": "x"},
        {"X-Twilio-Signature": "é".encode("latin-1")},
    )
    for path in ("/webhook/twilio", "/webhook/twilio/status"):
        for headers in wrong_keys:
            answer = await shop.api.post(path, data={"MessageSid": "x"}, headers=headers)
            refused(answer, 403, "bad_signature")
    razorpay = "/api/webhooks/razorpay-webhook"
    for signature in ("", "0" * 64, "é".encode("latin-1"), "zz", "0" * 10_000):
        signed: Any = {"X-Razorpay-Signature": signature}
        answer = await shop.api.post(
            razorpay, content=b'{"event": "payment.captured"}', headers=signed
        )
        refused(answer, 403, "bad_signature")
    refused(await shop.api.post(razorpay, content=b"{}"), 403, "bad_signature")
    assert await shop.snapshot() == before


async def test_signed_nonsense_changes_nothing(shop: House) -> None:
    before = await shop.snapshot()
    for body in (b"", b"[]", b"{", b"null", b"\xff\xfe", b'{"event": 5}', b"[" * 5000):
        refused(await shop.outside.razorpay_says(body), 400, "malformed")
    for form in ({}, {"MessageSid": "SM1"}, {"Body": "Hi", "NumMedia": "11"}):
        refused(await shop.outside.twilio_says(form), 400, "malformed")
        refused(
            await shop.outside.twilio_says(form, path="/webhook/twilio/status"), 400, "malformed"
        )
    assert await shop.snapshot() == before


async def test_unknown_addresses_and_methods(shop: House) -> None:
    refused(await shop.api.get("/api/v1/nothing"), 404, "not_found")
    refused(await shop.api.get("/webhook/twilio"), 405, "method_not_allowed")
    refused(await shop.api.delete("/health"), 405, "method_not_allowed")


async def test_the_front_door(shop: House) -> None:
    answer = await shop.api.get("/")
    assert answer.json() == {
        "service": "printwala",
        "version": answer.json()["version"],
        "docs": "/docs",
    }
    browser = await shop.api.get("/", headers={"Accept": "text/html,*/*"})
    assert (browser.status_code, browser.headers["location"]) == (303, "/staff")


async def test_health_names_its_parts_and_no_secrets(shop: House) -> None:
    answer = await shop.api.get("/health")
    body = answer.json()
    assert answer.status_code == 200
    assert body["status"] in ("ok", "degraded")
    assert {"database", "redis", "background", "storage"} <= set(body["checks"])
    for name, check in body["checks"].items():
        assert check["status"] in ("ok", "degraded", "down"), name
        assert "reason" in check
    for secret in (
        shop.settings.secret_key,
        shop.settings.worker_api_key,
        shop.settings.twilio_auth_token,
        shop.settings.razorpay_key_secret,
        urlsplit(shop.settings.database_url).password or "?",
    ):
        assert secret not in answer.text


async def test_metrics_are_prometheus_text(shop: House) -> None:
    await shop.worker().asks()
    await shop.api.get(f"/o/{'x' * 43}")
    answer = await shop.api.get("/metrics", headers=shop.staff)
    assert 'route="/api/v1/print_jobs/claim"' in answer.text
    assert "x" * 43 not in answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    assert "printwala_requests_total" in answer.text
    assert shop.token not in answer.text


# Files


@pytest_asyncio.fixture(loop_scope="module")
async def reader(shop: House) -> Customer:
    [person] = await crowd(shop, 1)
    return person


@pytest_asyncio.fixture(loop_scope="module")
async def held(shop: House, reader: Customer) -> Held:
    order = await paid(shop, reader)
    return await shop.worker(f"pc-{uuid4().hex[:6]}").must_claim(job_id=order["job_id"])


async def test_a_file_for_its_link_and_for_the_worker_who_holds_it(shop: House, held: Held) -> None:
    signed = held.job["file"]["url"].removeprefix(PUBLIC)
    bare = signed.split("?")[0]
    answer = await shop.api.get(signed)
    assert answer.status_code == 200
    assert answer.content.startswith(b"%PDF")
    assert len(answer.content) == held.job["file"]["bytes"]
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"

    refused(await shop.api.get(bare), 404, "not_found")
    refused(await shop.api.get(bare, headers=shop.staff), 404, "not_found")
    assert (await shop.api.get(bare, headers=held.worker.key)).content == answer.content
    await held.begins()
    assert (await shop.api.get(bare, headers=held.worker.key)).status_code == 200
    await held.reports("COMPLETED", evidence=FINISHED)
    refused(await shop.api.get(bare, headers=held.worker.key), 404, "not_found")


async def test_a_worker_fetches_what_it_prints_and_no_picture_of_it(
    shop: House, reader: Customer
) -> None:
    order = await paid(shop, reader, pages=4, choices={"per_sheet": 2})
    held = await shop.worker(f"pc-{uuid4().hex[:6]}").must_claim(job_id=order["job_id"])
    [file] = await shop.sql("SELECT * FROM print_files WHERE order_id = %s", order["id"])
    document = await shop.one("SELECT storage_key FROM documents WHERE order_id = %s", order["id"])
    assert len(file["preview_keys"]) == 2

    for key in (*file["preview_keys"], document):
        assert await shop.inside.store.size(key), "it is there"
        refused(await shop.api.get(f"/files/{key}", headers=held.worker.key), 404, "not_found")
    printed = await shop.api.get(f"/files/{file['storage_key']}", headers=held.worker.key)
    assert (printed.status_code, len(printed.content)) == (200, held.job["file"]["bytes"])


async def test_a_tampered_link_opens_nothing(shop: House, held: Held) -> None:
    path, query = held.job["file"]["url"].removeprefix(PUBLIC).split("?")
    fields = {name: values[0] for name, values in parse_qs(query).items()}
    longer = {**fields, "expires": str(int(fields["expires"]) + 1)}
    other = {**fields, "signature": fields["signature"][::-1]}
    for tampered in (longer, other, {"expires": fields["expires"]}, {**fields, "expires": "9e9"}):
        refused(await shop.api.get(f"{path}?{urlencode(tampered)}"), 404, "not_found")
    beside = f"{path[:-5]}{'1' if path[-5] == '0' else '0'}.pdf"
    refused(await shop.api.get(f"{beside}?{query}"), 404, "not_found")
    past = {"expires": "1000000000", "signature": fields["signature"]}
    refused(await shop.api.get(f"{path}?{urlencode(past)}"), 404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "/etc/passwd",
        "%00",
        "a%00.pdf",
        "%ff",
        "con.pdf",
        "x" * 3000,
        "../secrets/secret_key",
        "%5c..%5c..%5cwindows",
    ],
)
async def test_no_path_leads_elsewhere(shop: House, path: str) -> None:
    for headers in ({}, shop.worker().key):
        refused(await shop.api.get(f"/files/{path}", headers=headers), 404, "not_found")


@pytest.mark.parametrize("token", ["-", "%00", "%ff", "x" * 3000, "..%2f", "'%20or%201=1"])
async def test_a_guessed_page_is_not_there(shop: House, token: str) -> None:
    answer = await shop.api.get(f"/o/{token}")
    assert answer.status_code == 404


async def test_other_shops_are_not_there(shop: House, held: Held) -> None:
    """A key of another shop sees nothing of this one, not even that it exists."""
    [other] = await shop.sql(
        "INSERT INTO shops (code, name) VALUES (%s, 'Other') RETURNING id", f"o{uuid4().hex[:8]}"
    )
    key = "wk_" + uuid4().hex
    await shop.sql(
        "INSERT INTO workers (shop_id, worker_id, key_sha256) VALUES (%s, 'theirs', "
        "encode(sha256(%s::bytea), 'hex'))",
        other["id"],
        key.encode(),
    )
    theirs = {"X-API-Key": key}
    refused(await shop.api.get(held.path, headers=theirs), 404, "not_found")
    bare = held.job["file"]["url"].removeprefix(PUBLIC).split("?")[0]
    refused(await shop.api.get(bare, headers=theirs), 404, "not_found")
    said = {"status": "COMPLETED", "epoch": held.job["epoch"], "attempt_id": held.job["attempt_id"]}
    answer = await shop.api.put(f"{held.path}/status", json=said, headers=theirs)
    refused(answer, 404, "not_found")
    assert await held.status() == "CLAIMED"
    claim = await shop.api.post(
        "/api/v1/print_jobs/claim",
        json={"worker_id": "theirs", "printers": [], "job_id": held.job["id"]},
        headers=theirs,
    )
    assert claim.status_code == 204

    await shop.sql(
        "INSERT INTO api_tokens (shop_id, name, token_sha256) VALUES (%s, 'theirs', "
        "encode(sha256('pt_theirs'::bytea), 'hex'))",
        other["id"],
    )
    theirs = {"Authorization": "Bearer pt_theirs"}
    listed = await shop.api.get("/api/v1/dashboard/orders", headers=theirs)
    assert listed.json() == {"items": [], "next": None}
    for path in (
        f"/api/v1/dashboard/orders/{held.job['order_id']}",
        f"/api/v1/print_jobs/{held.job['id']}",
    ):
        refused(await shop.api.get(path, headers=theirs), 404, "not_found")
    for action, body in (("cancel", None), ("refund", {"amount_paise": 1, "reason": "x"})):
        answer = await shop.api.post(
            f"/api/v1/dashboard/orders/{held.job['order_id']}/{action}",
            json=body,
            headers={**theirs, "Idempotency-Key": "theirs"},
        )
        refused(answer, 404, "not_found")
