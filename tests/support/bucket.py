"""A bucket on this machine, for a store that speaks S3."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest


class Bucket(BaseHTTPRequestHandler):
    """As much of S3 as a store speaks: put, get, head, delete, list by page."""

    server: Held

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.objects[self._key()] = body
        self._answer(200, {"ETag": f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'})

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            self._list(query.get("prefix", [""])[0])
        elif self._key() in self.server.objects:
            self._answer(200, {"ETag": '"x"'}, self.server.objects[self._key()])
        else:
            self._answer(404, {}, b"<Error><Code>NoSuchKey</Code></Error>")

    do_HEAD = do_GET  # noqa: N815 - the base class's name

    def do_DELETE(self) -> None:
        self.server.delete(self._key())
        self._answer(204, {})

    def do_POST(self) -> None:
        """Deletes by list."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        keys = [part.split("</Key>")[0] for part in body.split("<Key>")[1:]]
        for key in keys:
            self.server.delete(key)
        told = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        self._answer(200, {}, f"<DeleteResult>{told}</DeleteResult>".encode())

    def _list(self, prefix: str) -> None:
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(body)}</Size><ETag>x</ETag>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for key, body in sorted(self.server.objects.items())
            if key.startswith(prefix)
        )
        told = (
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"
        ).encode()
        self._answer(200, {"Content-Type": "application/xml"}, told)

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).split("/", 2)[2]

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        headers.setdefault("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        for name, value in (*headers.items(), ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Held(ThreadingHTTPServer):
    """``objects`` by key, each below its prefix. It says yes to deleting those it ``keeps``."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Bucket)
        self.objects: dict[str, bytes] = {}
        self.keeps: set[str] = set()

    def delete(self, key: str) -> None:
        if key not in self.keeps:
            self.objects.pop(key, None)


@contextmanager
def open_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """Serves one, and says so in the environment, where the S3 library looks."""
    server = Held()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    monkeypatch.setenv("AWS_REGION", "ap-south-1")
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
