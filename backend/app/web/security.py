"""What every page carries and every form must prove: headers, cookies, origin."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute

from app.core.config import Settings
from app.core.database import DATABASE_DOWN
from app.core.security import same
from app.domain.errors import BadInput, NotAllowed, NotFound, ShopError
from app.ports import SignedIn
from app.web.render import page, visitor_language

log = structlog.get_logger(__name__)

FORM_LIMIT = 16_384
# The prefix makes browsers refuse the cookie unless it is Secure and for this host only.
SECURE_COOKIE, PLAIN_COOKIE = "__Host-staff", "staff"
COOKIE_SECONDS = 12 * 3600

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; require-trusted-types-for 'script'; trusted-types live"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class NotSignedIn(Exception):
    """Nobody is signed in, or the session is over."""


class Forged(ShopError):
    """A form that did not come from our own page."""

    code = "forged_form"


class NotYours(ShopError):
    """Signed in, but not allowed to do this."""

    code = "forbidden"


_STATUS: dict[type[ShopError], tuple[int, str]] = {
    NotFound: (404, "error-not-found"),
    BadInput: (422, "error-input"),
    NotAllowed: (409, "error-changed"),
    Forged: (403, "error-form"),
    NotYours: (403, "error-viewer"),
}


class PageRoute(APIRoute):
    """A route that answers people: errors become pages, and every page carries the headers."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                response = await inner(request)
            except NotSignedIn:
                response = to_login(request)
            except ShopError as error:
                response = _problem(request, error)
            except RequestValidationError:
                response = _error_page(request, 404, "error-not-found")
            except DATABASE_DOWN as error:
                log.warning("database down", why=type(error).__name__)
                response = _error_page(request, 503, "error-down")
                response.headers["Retry-After"] = "5"
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            # Browsers hide the origin of a form behind `no-referrer`, and staff pages have forms.
            public = not request.url.path.startswith("/staff")
            response.headers["Referrer-Policy"] = "no-referrer" if public else "same-origin"
            return response

        return handler


def _problem(request: Request, error: ShopError) -> Response:
    for kind in type(error).__mro__:
        if kind in _STATUS:
            return _error_page(request, *_STATUS[kind])
    raise error


def _error_page(request: Request, status: int, problem: str) -> Response:
    staff = request.url.path.startswith("/staff")
    language = visitor_language(request)
    return page("error.html", language, status=status, problem=problem, staff=staff)


def to_login(request: Request) -> Response:
    """A refresh in the background is told so; a person is sent to sign in and comes back."""
    if is_refresh(request):
        return Response(status_code=401)
    back = request.url.path if request.method == "GET" else "/staff"
    where = "/staff/login" if back == "/staff" else f"/staff/login?next={quote(back)}"
    return RedirectResponse(where, status_code=303)


def is_refresh(request: Request) -> bool:
    return request.query_params.get("part") == "live"


def own_path(path: str) -> str:
    """A path below ``/staff``; anything else a stranger put into a link becomes ``/staff``."""
    inside = path == "/staff" or path.startswith("/staff/")
    return path if inside and "\\" not in path and path.isprintable() else "/staff"


def session_cookie(request: Request) -> str:
    return request.cookies.get(SECURE_COOKIE) or request.cookies.get(PLAIN_COOKIE) or ""


def _is_https(request: Request, settings: Settings) -> bool:
    """Also behind a proxy that is not trusted to say so: our public host is reached by https."""
    public = urlsplit(settings.backend_public_url)
    host = request.headers.get("host", "")
    return request.url.scheme == "https" or (public.scheme == "https" and host == public.netloc)


def set_session(response: Response, request: Request, settings: Settings, value: str) -> None:
    https = _is_https(request, settings)
    response.set_cookie(
        SECURE_COOKIE if https else PLAIN_COOKIE,
        value,
        max_age=COOKIE_SECONDS,
        secure=https,
        httponly=True,
        samesite="lax",
    )


def end_session(response: Response) -> None:
    response.delete_cookie(SECURE_COOKIE, secure=True, httponly=True, samesite="lax")
    response.delete_cookie(PLAIN_COOKIE, httponly=True, samesite="lax")


def require_own_origin(request: Request, settings: Settings) -> None:
    """Raises Forged when the browser says that another site sent this form."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        raise Forged
    if origin is None:
        return
    ours = {request.headers.get("host", ""), urlsplit(settings.backend_public_url).netloc}
    if urlsplit(origin).netloc not in ours:
        raise Forged


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a posted form. Raises BadInput when it is too long or no form."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_LIMIT:
            raise BadInput("This form is too long.")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50)
    except ValueError:
        raise BadInput("This is not a form.") from None
    return {key: value.replace("\x00", "") for key, value in pairs}


async def own_form(
    request: Request, settings: Settings, who: SignedIn, *, to_change: bool = True
) -> dict[str, str]:
    """The fields of a form sent from our own page by this session.

    Raises Forged or BadInput; NotYours when it is ``to_change`` something and this person may
    only look.
    """
    require_own_origin(request, settings)
    form = await form_of(request)
    if not same(form.get("csrf", ""), who.csrf):
        raise Forged
    if to_change and who.role == "viewer":
        raise NotYours
    return form
