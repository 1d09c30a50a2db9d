"""Files to a real service and from it by the Python client, over a network that loses connections."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from spinbot.client import AsyncClient
from spinbot.errors import InputError, NotFoundError, SpinbotError, StorageError
from spinbot.media.portraits import path as shipped_portrait


def test_an_upload_tells_how_far_it_is_and_survives_a_lost_answer(connect, lossy):
    portrait, told = shipped_portrait("demo"), []
    upload = connect(lossy(0).url).upload(portrait, lambda done, total: told.append((done, total)))
    size = portrait.stat().st_size
    assert (upload.kind, upload.bytes, upload.name) == ("image", size, portrait.name)
    assert upload.artifact == f"sha256:{hashlib.sha256(portrait.read_bytes()).hexdigest()}"
    done = [count for count, _ in told]
    assert done[-1] == size
    assert {total for _, total in told} == {size}
    again = done.index(size) + 1  # the second attempt begins anew
    assert done[:again] == sorted(done[:again])
    assert done[again:] == sorted(done[again:])
    assert connect().upload(portrait.read_bytes(), name="me.png").artifact == upload.artifact
    assert {found.artifact for found in connect().uploads()} == {upload.artifact}


def test_a_download_goes_on_where_it_broke_off(connect, lossy, tmp_path):
    portrait = shipped_portrait("demo")
    content = portrait.read_bytes()
    artifact = connect().upload(portrait).artifact
    out, told = tmp_path / "out.png", []
    gone = connect(lossy(*[10_000] * 50).url, patience_s=0.0)
    with pytest.raises(SpinbotError, match="does not answer"):
        gone.download(artifact, out)
    (part,) = tmp_path.glob(".out.png*")
    have = part.stat().st_size
    assert part.read_bytes() == content[:have]
    assert 5_000 < have < len(content)
    assert not out.exists()
    proxy = lossy(20_000)
    assert connect(proxy.url).download(artifact, out, lambda *progress: told.append(progress)) == out
    assert out.read_bytes() == content
    assert told[0][0] > have
    assert told[-1] == (len(content), len(content))
    assert not list(tmp_path.glob(".out*"))


def test_a_damaged_part_is_thrown_away(connect, tmp_path):
    artifact = connect().upload(shipped_portrait("demo")).artifact
    out = tmp_path / "out.png"
    part = tmp_path / f".out.png.{artifact.removeprefix('sha256:')[:12]}.part"
    for damaged in (b"something else", shipped_portrait("demo").read_bytes() + b"and more"):
        part.write_bytes(damaged)
        connect().download(artifact, out)
        assert out.read_bytes() == shipped_portrait("demo").read_bytes()


def test_a_download_that_cannot_be_written_or_is_not_there(connect, tmp_path):
    client = connect()
    artifact = client.upload(shipped_portrait("demo")).artifact
    with pytest.raises(StorageError, match="nowhere"):
        client.download(artifact, tmp_path / "nowhere/out.png")
    with pytest.raises(NotFoundError, match="no artifact"):
        client.download(f"sha256:{'0' * 64}", tmp_path / "out.png")
    with pytest.raises(InputError, match=r"gone\.png"):
        client.upload(tmp_path / "gone.png")
    assert not [path for path in tmp_path.iterdir() if "out.png" in path.name]


def test_a_small_file_is_read_without_a_path(connect):
    client = connect()
    artifact = client.upload(shipped_portrait("demo")).artifact
    assert client.read(artifact) == shipped_portrait("demo").read_bytes()
    with pytest.raises(NotFoundError, match="no artifact"):
        client.read(f"sha256:{'0' * 64}")


def test_a_file_is_passed_on_as_it_comes(served, lossy):
    whole = shipped_portrait("demo").read_bytes()

    async def passed_on() -> None:
        async with AsyncClient(served.url) as client:
            artifact = (await client.upload(whole)).artifact
            async with client.content(artifact) as found:
                assert (found.status, found.headers["content-type"]) == (200, "image/png")
                assert int(found.headers["content-length"]) == len(whole)
                assert b"".join([chunk async for chunk in found.chunks()]) == whole
            async with client.content(artifact, range="bytes=10-19") as part:
                assert (part.status, part.headers["content-range"]) == (206, f"bytes 10-19/{len(whole)}")
                assert b"".join([chunk async for chunk in part.chunks()]) == whole[10:20]
            async with client.content(artifact, method="HEAD") as head:
                assert (head.status, int(head.headers["content-length"])) == (200, len(whole))
                assert [chunk async for chunk in head.chunks()] == []
            for _ in range(30):  # more than there are connections: one that is left early is given back
                async with client.content(artifact) as left:
                    await anext(left.chunks())
            with pytest.raises(InputError) as refused:
                async with client.content(artifact, range=f"bytes={len(whole)}-"):
                    pass
            assert refused.value.code == "bad_range"
        async with AsyncClient(lossy(5_000).url) as client:
            with pytest.raises(SpinbotError) as broken:
                async with client.content(artifact) as cut:
                    assert [chunk async for chunk in cut.chunks()]
            assert broken.value.code == "unreachable"

    asyncio.run(passed_on())
