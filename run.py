"""placeholder until the next commit"""

from __future__ import annotations

# Program the tests look for -> Debian packages that bring it.
SYSTEM_PROGRAMS: dict[str, tuple[str, ...]] = {
    "redis-server": ("redis-server",),
    "soffice": (
        "libreoffice-writer-nogui",
        "libreoffice-calc-nogui",
        "libreoffice-impress-nogui",
        "fonts-liberation",
        "fonts-crosextra-carlito",
        "fonts-noto-core",
    ),
    "chromium": ("chromium",),
    "bwrap": ("bubblewrap",),
    "qpdf": ("qpdf",),
    "pdftoppm": ("poppler-utils",),
}
