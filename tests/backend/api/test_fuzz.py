"""Generated requests against every described address: never an error of ours."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck

from tests.support.shop import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

EACH = 10  # requests made up for an operation, each sent with every kind of credentials
SKIPPED = {"/api/v1/print_jobs/claim"}  # it may wait half a minute, rightly


async def test_no_generated_request_is_an_error_of_ours(shop: House) -> None:
    described = (await shop.api.get("/openapi.json")).json()
    schema = schemathesis.openapi.from_dict(described)
    found: list[Any] = list(schema.get_all_operations())
    operations = [each.ok() for each in found]
    assert len(operations) >= 15
    asked = 0
    credentials = [shop.staff, shop.worker().key, {}]
    for operation in operations:
        if operation.path in SKIPPED:
            continue
        for case in _cases(operation):
            for headers in credentials:
                asked += await _asks(shop, case, headers)
    assert asked >= 3 * (len(operations) - len(SKIPPED))
    await shop.quiet(timeout=30)


def _cases(operation: Any) -> list[Any]:
    """The same requests in every run: what is found once is found again."""
    found: list[Any] = []

    @hypothesis.given(case=operation.as_strategy())
    @hypothesis.settings(
        max_examples=EACH,
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found


async def _asks(shop: House, case: Any, headers: dict[str, str]) -> bool:
    """Whether there was an answer; some of what is made up cannot be sent at all."""
    made = case.as_transport_kwargs(base_url=str(shop.api.base_url))
    made["headers"] = {**(made.get("headers") or {}), **headers}
    made.pop("cookies", None)
    body = {name: made[name] for name in ("json", "data", "params") if made.get(name) is not None}
    if isinstance(body.get("data"), bytes | str):
        body["content"] = body.pop("data")
    try:
        request = shop.api.build_request(
            made["method"], made["url"], headers=made["headers"], **body
        )
    except Exception:  # noqa: BLE001 - what cannot be sent cannot arrive
        return False
    try:
        answer = await shop.api.send(request)
    except ValueError:
        return False
    assert answer.status_code < 500, f"{made['method']} {request.url} {body}: {answer.text}"
    return True
