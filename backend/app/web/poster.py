"""The counter poster: one printable A4 page with the QR code that opens the chat."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

import segno

from app.domain.money import Money

# A page to be opened from disk and printed, so its style travels with it.
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Poster</title>
<style>
@page {{ size: A4; margin: 0 }}
body {{ margin: 0; font-family: system-ui, "Segoe UI", "Noto Sans", "Nirmala UI", sans-serif;
  color: #1b1d1f; text-align: center }}
main {{ box-sizing: border-box; width: 210mm; height: 296mm; padding: 18mm 16mm; display: flex;
  flex-direction: column; justify-content: space-between; align-items: center }}
h1 {{ font-size: 21mm; line-height: 1.05; margin: 0 }}
h2 {{ font-size: 11mm; margin: 4mm 0 0; font-weight: 500 }}
svg {{ width: 96mm; height: 96mm }}
ol {{ list-style: none; margin: 0; padding: 0; font-size: 7mm; line-height: 1.6 }}
p {{ margin: 0; font-size: 8mm }}
strong {{ font-size: 9mm }}
</style>
<main>
<header><h1>Print on WhatsApp</h1><h2 lang="hi">WhatsApp पर प्रिंट कीजिए</h2></header>
{qr}
<ol><li>1 · Scan and send your file · <span lang="hi">फ़ाइल भेजिए</span></li>
<li>2 · Choose and pay · <span lang="hi">चुनिए और पैसे दीजिए</span></li>
<li>3 · Show your token here · <span lang="hi">टोकन दिखाइए</span></li></ol>
<p>B&amp;W <strong>{bw}</strong> · Colour <strong>{color}</strong> per page</p>
<p>{shop} · {number}</p>
</main></html>
"""


def poster_page(*, shop_name: str, number: str, bw: Money, color: Money) -> str:
    """HTML of the poster. ``number`` is the sender as Twilio writes it."""
    digits = "".join(character for character in number if character.isdigit())
    code = segno.make(f"https://wa.me/{digits}?text={quote('Hi')}", error="m")
    return PAGE.format(
        qr=code.svg_inline(border=4, scale=1, omitsize=True),
        bw=escape(bw.short),
        color=escape(color.short),
        shop=escape(shop_name),
        number=escape(f"+{digits}"),
    )
