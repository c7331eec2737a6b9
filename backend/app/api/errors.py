"""Where the house's errors meet HTTP: one table, one shape."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.core.database import DATABASE_DOWN
from app.domain.errors import (
    BadInput,
    BadSignature,
    DocumentRefused,
    NotAllowed,
    NotConfigured,
    NotFound,
    ProviderError,
    ShopError,
)

log = structlog.get_logger(__name__)

HTTP_STATUS: dict[type[ShopError], int] = {
    BadInput: 422,
    NotFound: 404,
    NotAllowed: 409,
    BadSignature: 403,
    NotConfigured: 503,
    DocumentRefused: 422,
    ProviderError: 502,
    ShopError: 500,
}
_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    429: "too_many_requests",
}


# The framework says these in two words; programs and people are owed a sentence.
_SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
}


class Unauthorized(ShopError):
    """No credential, or none we know."""

    code = "unauthorized"


class Forbidden(ShopError):
    """A credential of the wrong kind."""

    code = "forbidden"


class Malformed(ShopError):
    """A request whose bytes cannot be what they claim."""

    code = "malformed"


class TooLarge(ShopError):
    code = "too_large"


HTTP_STATUS |= {Unauthorized: 401, Forbidden: 403, Malformed: 400, TooLarge: 413}


def http_status(error: ShopError) -> int:
    return next(HTTP_STATUS[kind] for kind in type(error).__mro__ if kind in HTTP_STATUS)


def problem(status: int, code: str, detail: str, headers: Any = None) -> JSONResponse:
    return JSONResponse({"error": code, "detail": detail}, status, headers=headers)


async def _known(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ShopError)
    status = http_status(error)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return problem(status, error.code, error.detail or error.code, headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    return problem(422, "bad_input", f"{where or 'body'}: {first['msg']}")


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, "error")
    detail = str(error.detail)
    if detail == HTTPStatus(error.status_code).phrase:
        detail = _SENTENCES.get(error.status_code, f"{detail}.")
    return problem(error.status_code, code, detail, error.headers)


async def _database_down(_: Request, error: Exception) -> JSONResponse:
    log.warning("database down", why=type(error).__name__)
    return problem(
        503, "database_down", "The database does not answer; try again.", {"Retry-After": "2"}
    )


async def _unexpected(_: Request, error: Exception) -> JSONResponse:
    log.error("unexpected error", exc_info=error)
    return problem(500, "internal_error", "Something went wrong on our side.")


def install_errors(app: FastAPI) -> None:
    app.add_exception_handler(ShopError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for kind in DATABASE_DOWN:
        app.add_exception_handler(kind, _database_down)
    app.add_exception_handler(Exception, _unexpected)
