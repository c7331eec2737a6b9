"""Private bytes under random keys, on a disk or in an S3 bucket.

``open_store("file:///var/lib/printwala/files")`` or ``open_store("s3://bucket/prefix")``. For S3
the usual ``AWS_*`` variables give credentials, region and endpoint.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, S3Store

from app.domain.errors import BadInput, NotConfigured, NotFound
from app.ports import FileStore

_KEY = re.compile(r"[a-z0-9_-][a-z0-9._-]*(/[a-z0-9_-][a-z0-9._-]*)*")
_LONGEST_KEY = 200
_CHUNK = 1 << 20
# The suffix that obstore's own unfinished files carry, so that listing passes over both.
_UNFINISHED = re.compile(r".+#\d+")
_FORGOTTEN_AFTER = timedelta(hours=1).total_seconds()


def open_store(url: str, *, retries: int = 3) -> FileStore:
    """The store for ``STORAGE_URL``. Raises ``NotConfigured`` when the address is of neither kind.

    Its methods raise ``OSError`` while the disk or the bucket fails: try again later. A folder
    is made when it is missing; unfinished writes of earlier runs are removed.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path and parts.netloc in {"", "localhost"}:
        return DiskStore(Path(url2pathname(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        return BucketStore(parts.netloc, unquote(parts.path).strip("/"), retries=retries)
    raise NotConfigured("STORAGE_URL must be file:///folder or s3://bucket/prefix")


def check_key(key: str) -> str:
    """``key`` itself. Raises ``BadInput`` when it is not a plain relative lower-case path."""
    if len(key) > _LONGEST_KEY or not _KEY.fullmatch(key):
        raise BadInput("a storage key is a relative path of a-z 0-9 . _ -", code="bad_key")
    return key


class _ObjectStore:
    """What disk and bucket share: everything but writing."""

    def __init__(self, store: LocalStore | S3Store) -> None:
        self._store = store

    async def read(self, key: str) -> bytes:
        """All bytes. Raises ``NotFound``."""
        return b"".join([chunk async for chunk in self.stream(key)])

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """The bytes in pieces. Raises ``NotFound`` at the first."""
        check_key(key)
        with _answering():
            try:
                found = await obstore.get_async(self._store, key)
            except (NotFoundError, FileNotFoundError) as error:
                raise NotFound(f"no file {key}") from error
            async for chunk in found.stream(min_chunk_size=_CHUNK):
                yield bytes(chunk)

    async def size(self, key: str) -> int | None:
        """Bytes, or None when there is no such object."""
        check_key(key)
        with _answering():
            try:
                found = await obstore.head_async(self._store, key)
            except (NotFoundError, FileNotFoundError):
                return None
        return int(found["size"])

    async def delete(self, key: str) -> None:
        """Removes the object; nothing happens when it is gone already."""
        check_key(key)
        with _answering(), contextlib.suppress(NotFoundError, FileNotFoundError):
            await obstore.delete_async(self._store, key)

    async def keys(self, prefix: str = "") -> AsyncIterator[str]:
        """Every key that begins with ``prefix``."""
        folder = prefix.rpartition("/")[0] or None
        with _answering():
            async for chunk in obstore.list(self._store, folder):
                for entry in chunk:
                    if entry["path"].startswith(prefix):
                        yield entry["path"]


class DiskStore(_ObjectStore):
    """A folder. A write is on the disk, under its name and whole, before ``put`` returns."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._root = root
        self._forget_unfinished()
        super().__init__(LocalStore(prefix=root))

    async def put(self, key: str, source: Path) -> None:
        """Copies ``source`` to ``key``: whole or not at all."""
        await asyncio.to_thread(self._put, self._root / check_key(key), source)

    async def ping(self) -> None:
        """Writes and removes a few bytes; raises ``OSError`` with the reason when it cannot."""
        await asyncio.to_thread(self._touch)

    def _put(self, target: Path, source: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = target.with_name(f"{target.name}#{secrets.randbelow(10**12)}")
        try:
            with source.open("rb") as given:
                handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "wb") as written:
                    shutil.copyfileobj(given, written, _CHUNK)
                    written.flush()
                    os.fsync(written.fileno())
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
        folder = target.parent
        while True:
            _sync_folder(folder)
            if folder == self._root:
                return
            folder = folder.parent

    def _touch(self) -> None:
        probe = self._root / f"ping#{secrets.randbelow(10**12)}"
        try:
            probe.write_bytes(b"ok")
        finally:
            probe.unlink(missing_ok=True)

    def _forget_unfinished(self) -> None:
        """What a killed process left half written. Young ones may be another process's work."""
        for path in self._root.rglob("*#*"):
            with contextlib.suppress(OSError):
                old = time.time() - path.stat().st_mtime > _FORGOTTEN_AFTER
                if old and _UNFINISHED.fullmatch(path.name):
                    path.unlink()


class BucketStore(_ObjectStore):
    """A prefix in an S3 bucket: shared by several backends. S3 shows an object only when whole."""

    def __init__(self, bucket: str, prefix: str, *, retries: int = 3) -> None:
        # A private endpoint (MinIO on the same host) is often plain http; Amazon's never is.
        endpoint = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT") or ""
        super().__init__(
            S3Store(
                bucket,
                prefix=prefix or None,
                client_options={
                    "timeout": timedelta(seconds=60),
                    "connect_timeout": timedelta(seconds=5),
                    "allow_http": endpoint.startswith("http://"),
                },
                retry_config={"max_retries": retries, "retry_timeout": timedelta(seconds=60)},
            )
        )

    async def put(self, key: str, source: Path) -> None:
        """Uploads ``source`` as ``key``: whole or not at all."""
        check_key(key)
        with _answering():
            await obstore.put_async(self._store, key, source)

    async def ping(self) -> None:
        """Asks for an object that is not there; raises ``OSError`` when the bucket fails."""
        await self.size("ping")


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    """The library's failures in our words; its own tell addresses and headers."""
    try:
        yield
    except BaseError as error:
        raise OSError(f"the storage does not answer: {type(error).__name__}") from error


def _sync_folder(folder: Path) -> None:
    """Makes the name durable, not only the bytes. Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
