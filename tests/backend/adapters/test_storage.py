"""Private bytes under keys: the same promises on a disk and in a bucket."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.adapters.storage import DiskStore, open_store
from app.domain.errors import BadInput, NotConfigured, NotFound
from app.ports import FileStore
from tests.support.bucket import Held, open_bucket


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    with open_bucket(monkeypatch) as held:
        yield held


@pytest.fixture(params=["disk", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    if request.param == "disk":
        return open_store((tmp_path / "with space").as_uri())
    request.getfixturevalue("bucket")
    return open_store("s3://files/some/prefix")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(os.urandom(3_000_000))
    return path


async def test_what_is_put_is_read_listed_and_gone_when_deleted(
    store: FileStore, source: Path
) -> None:
    await store.put("ab/cdef.pdf", source)
    await store.put("ab/other.pdf", source)
    await store.put("cd/else.pdf", source)

    assert await store.read("ab/cdef.pdf") == source.read_bytes()
    assert b"".join([part async for part in store.stream("ab/cdef.pdf")]) == source.read_bytes()
    assert await store.size("ab/cdef.pdf") == 3_000_000
    assert sorted([key async for key in store.keys("")]) == [
        "ab/cdef.pdf",
        "ab/other.pdf",
        "cd/else.pdf",
    ]
    assert [key async for key in store.keys("ab/c")] == ["ab/cdef.pdf"]

    await store.delete("ab/cdef.pdf")
    await store.delete("ab/cdef.pdf")
    assert await store.size("ab/cdef.pdf") is None
    with pytest.raises(NotFound):
        await store.read("ab/cdef.pdf")
    with pytest.raises(NotFound):
        await anext(aiter(store.stream("never/there.pdf")))
    await store.ping()


async def test_a_second_put_replaces_the_first_whole(
    store: FileStore, source: Path, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.write_bytes(b"small")
    await store.put("ab/c.pdf", source)
    await store.put("ab/c.pdf", small)

    assert await store.read("ab/c.pdf") == b"small"


NO_KEYS = (
    *("/etc/passwd", "../up", "a/../b", "a//b", "A.pdf", "a\\b", "ä", "a/", ".hidden", "a/."),
    *("a#1", "%2e%2e/x", "a:b", "", "a b", "a\n", "x" * 201),
)


@pytest.mark.parametrize("key", NO_KEYS)
async def test_a_key_that_is_no_plain_path_is_refused_everywhere(
    store: FileStore, source: Path, key: str
) -> None:
    with pytest.raises(BadInput):
        await store.put(key, source)
    with pytest.raises(BadInput):
        await store.read(key)
    with pytest.raises(BadInput):
        await store.size(key)
    with pytest.raises(BadInput):
        await store.delete(key)


@pytest.mark.parametrize("url", ["", "files", "http://x/y", "file:", "s3://", "file://host/x"])
def test_an_address_of_no_store_is_refused_with_the_fix(url: str) -> None:
    with pytest.raises(NotConfigured, match="STORAGE_URL must be"):
        open_store(url)


async def test_a_bucket_that_is_away_is_a_problem_of_the_moment(
    bucket: Held, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    store = open_store("s3://files", retries=0)
    with pytest.raises(OSError, match="storage does not answer"):
        await store.ping()
    with pytest.raises(OSError, match="storage does not answer"):
        await store.put("ab/c.pdf", source)
    with pytest.raises(OSError, match="storage does not answer"):
        await store.read("ab/c.pdf")


async def test_files_are_for_the_shop_alone(tmp_path: Path, source: Path) -> None:
    await DiskStore(tmp_path / "files").put("ab/c.pdf", source)

    assert (tmp_path / "files" / "ab" / "c.pdf").stat().st_mode & 0o077 == 0
    assert (tmp_path / "files").stat().st_mode & 0o077 == 0


async def test_unfinished_writes_are_not_seen_and_old_ones_are_swept(tmp_path: Path) -> None:
    root = tmp_path / "files"
    store = DiskStore(root)
    young, old = root / "ab" / "c.pdf#12", root / "ab" / "d.pdf#34"
    young.parent.mkdir()
    for path in (young, old):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)

    assert [key async for key in store.keys("")] == []
    assert await store.size("ab/c.pdf") is None
    DiskStore(root)
    assert (young.exists(), old.exists()) == (True, False)


async def test_a_killed_write_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    """Killed with SIGKILL again and again while it writes the same key."""
    script = (
        "import asyncio, sys; from pathlib import Path\n"
        "from app.adapters.storage import DiskStore\n"
        "async def main():\n"
        "    store = DiskStore(Path(sys.argv[1]))\n"
        "    print('go', flush=True)\n"
        "    while True: await store.put('ab/c.pdf', Path(sys.argv[2]))\n"
        "asyncio.run(main())"
    )
    big = tmp_path / "big"
    big.write_bytes(b"x" * 20_000_000)
    root = tmp_path / "files"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "backend")}
    seen = set()
    unfinished: set[Path] = set()
    for delay in (0.0, 0.001, 0.003, 0.01):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", script, str(root), str(big)),
            stdout=asyncio.subprocess.PIPE,
            env=environment,
        )
        assert process.stdout is not None
        await process.stdout.readline()
        deadline = time.monotonic() + 20
        while not set(root.glob("ab/c.pdf#*")) - unfinished:
            assert time.monotonic() < deadline, "it writes nothing"
            await asyncio.sleep(0.001)
        await asyncio.sleep(delay)
        process.kill()
        await process.communicate()
        unfinished |= set(root.glob("ab/c.pdf#*"))
        seen.add(await DiskStore(root).size("ab/c.pdf"))
    assert unfinished, "every kill came before a write or after it"
    assert seen <= {None, 20_000_000}


async def test_a_failed_write_loses_nothing_that_was_there(tmp_path: Path, source: Path) -> None:
    store = DiskStore(tmp_path / "files")
    await store.put("ab/c.pdf", source)
    with pytest.raises(OSError, match="No such file"):
        await store.put("ab/c.pdf", tmp_path / "missing")

    assert await store.size("ab/c.pdf") == 3_000_000
    assert [path.name for path in (tmp_path / "files" / "ab").iterdir()] == ["c.pdf"]
