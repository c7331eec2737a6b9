"""Templates to answers. Everything is escaped: names and file names come from strangers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.domain.money import Money
from app.web.assets import asset_url
from app.web.text import ENGLISH, LANGUAGES, knows, money, one_line, plain_rupees, spoken, t

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals["asset"] = asset_url
_templates.filters["money"] = money
_templates.filters["rupees"] = plain_rupees
_templates.filters["exact"] = lambda paise: str(Money(paise))
_templates.filters["one_line"] = one_line


def page(template: str, language: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page in a language; templates see ``t``, ``word`` and ``lang`` beside the values."""
    html = _templates.get_template(template).render(
        t=partial(_text, language), word=partial(_word, language), lang=spoken(language), **values
    )
    return HTMLResponse(html, status_code=status)


def visitor_language(request: Request) -> str:
    """The first language of the browser, where we speak it; for pages without a customer."""
    first = request.headers.get("accept-language", "")[:2].lower()
    return first if first in LANGUAGES else ENGLISH


def _text(language: str, message: str, **values: str | int) -> str:
    return t(message, language, **values)


def _word(language: str, kind: str, value: str, attribute: str = "", **values: str | int) -> str:
    """The word for one of a growing list of values; ``<kind>-other`` for a new one."""
    message = f"{kind}-{value.lower().replace('_', '-')}"
    known = message if knows(message) else f"{kind}-other"
    return t(f"{known}.{attribute}" if attribute else known, language, **values)
