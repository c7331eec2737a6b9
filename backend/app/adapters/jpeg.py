"""Reads a JPEG marker by marker and keeps only what draws the picture."""

from __future__ import annotations

import re
from collections.abc import Iterator

_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_SCAN, _END, _ADOBE = 0xDA, 0xD9, 0xEE
# Baseline, extended and progressive frames (ITU-T T.81, table B.1).
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_DRAWING = _FRAMES | {0xC4, 0xDB, 0xDD, _SCAN, _ADOBE}
_DROPPED = frozenset({*range(0xE0, 0xF0), 0xFE}) - {_ADOBE}


class _Unusual(Exception):
    """Not a JPEG that every reader draws alike."""


def strip_jpeg(data: bytes) -> bytes | None:
    """The same picture without EXIF, comments and whatever follows its end.

    None when it is not a plain 8-bit grey or YCbCr JPEG, which every PDF reader draws alike.
    """
    kept = [b"\xff\xd8"]
    frames = 0
    try:
        for marker, segment in _segments(data):
            if marker in _FRAMES:
                _check_frame(segment)
                frames += 1
            elif marker == _ADOBE and segment[4:9] == b"Adobe" and segment[15:16] != b"\x01":
                return None  # stored as RGB or CMYK
            if marker in _DRAWING:
                kept.append(segment)
            elif marker not in _DROPPED:
                return None
    except _Unusual:
        return None
    return b"".join([*kept, b"\xff\xd9"]) if frames == 1 else None


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker segments up to the first end of image, scans with their coded data."""
    position = 2
    while True:
        while data[position : position + 2] == b"\xff\xff":
            position += 1
        if position + 2 > len(data) or data[position] != 0xFF:
            raise _Unusual
        marker = data[position + 1]
        if marker == _END:
            return
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if end < position + 4 or end > len(data):
            raise _Unusual
        if marker == _SCAN:
            found = _END_OF_SCAN.search(data, end)
            if found is None:
                raise _Unusual
            end = found.start()
        yield marker, data[position:end]
        position = end


def _check_frame(frame: bytes) -> None:
    """8 bits, and grey or three channels with the usual names."""
    channels = frame[9] if len(frame) > 9 else 0
    names = frame[10 : 10 + 3 * channels : 3]
    plain = channels == 1 or names in {b"\1\2\3", b"\0\1\2"}
    if frame[4:5] != b"\x08" or len(names) != channels or not plain:
        raise _Unusual
