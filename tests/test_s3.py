"""Artifacts in a bucket of a real S3 server: whole or not there, verified, and as good as local ones."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from spinbot.config import Settings
from spinbot.errors import InputError, NotFoundError, StorageError
from spinbot.store.artifacts import LocalArtifacts
from spinbot.store.copies import Copies
from spinbot.store.database import connect
from spinbot.store.jobs import JobStore
from spinbot.store.open_artifacts import open_artifacts
from spinbot.store.prune import Cache
from spinbot.store.s3 import S3Artifacts, attachment
from tests.s3 import Network, S3Server, free_of_aws

PREFIX = "studio/files"


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    server = S3Server()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def place(server: S3Server, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The URL of an empty bucket, with the environment set for its server."""
    for name in free_of_aws():
        monkeypatch.delenv(name)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    digest = hashlib.sha256(request.node.nodeid.encode()).hexdigest()
    return server.bucket(f"bucket-{digest[:16]}")


@pytest.fixture
def machine(place: str, tmp_path: Path) -> Callable[..., S3Artifacts]:
    """The artifacts as another machine sees them, each with a folder of its own."""
    count = iter(range(100))

    def another(copies: Copies | None = None, **options) -> S3Artifacts:
        copies = copies or Copies(tmp_path / f"machine{next(count)}", GB)
        return S3Artifacts(f"{place}/{PREFIX}", copies, attempts=2, **options)

    return another


GB = 10**9


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def key_of(artifact: str) -> str:
    return f"{PREFIX}/{artifact[7:9]}/{artifact[9:]}"


def objects(server: S3Server, place: str) -> list[str]:
    found = server.client().list_objects_v2(Bucket=place.removeprefix("s3://"))
    return [entry["Key"] for entry in found.get("Contents", ())]


def test_what_one_machine_puts_another_reads(machine, server, place):
    one, two = machine(), machine()
    artifact = one.put_bytes(b"hello")
    assert artifact == "sha256:" + hashlib.sha256(b"hello").hexdigest()
    assert two.put_bytes(b"hello") == artifact
    assert objects(server, place) == [key_of(artifact)]
    three = machine()
    assert artifact in three
    assert three.path(artifact).read_bytes() == b"hello"
    assert [found[:2] for found in three.stored()] == [(artifact, 5)]


def test_a_large_file_arrives_in_parts_and_whole(machine, server, place, tmp_path):
    data = noise(20 << 20)
    (tmp_path / "video.mp4").write_bytes(data)
    artifact = machine().put_file(tmp_path / "video.mp4")
    stored = server.client().head_object(Bucket=place.removeprefix("s3://"), Key=key_of(artifact))
    assert stored["ETag"].strip('"').endswith("-3")  # S3's mark of three parts
    assert machine().path(artifact).read_bytes() == data


def test_a_copy_on_this_machine_is_read_without_the_server(machine):
    one = machine()
    artifact = one.put_bytes(b"hello")
    one.bucket.remove(f"{artifact[7:9]}/{artifact[9:]}")
    assert one.path(artifact).read_bytes() == b"hello"


@pytest.mark.parametrize("artifact", ["sha256:" + "0" * 64, "../../etc/passwd", "sha256:short", ""])
def test_a_missing_artifact_is_named(machine, artifact):
    artifacts = machine()
    assert artifact not in artifacts
    with pytest.raises(NotFoundError, match="not in the store") as missing:
        artifacts.path(artifact)
    assert missing.value.code == "missing_artifact"


def test_a_broken_download_goes_on_where_it_broke(machine, server, monkeypatch):
    data = noise(6 << 20)
    artifact = machine().put_bytes(data)
    network = Network(server.port)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", network.url)
    network.cuts = [2 << 20, 3 << 20]
    artifacts = machine()
    assert artifacts.path(artifact).read_bytes() == data
    assert network.cuts == []
    network.close()
    assert [path for path in artifacts.local.root.iterdir() if path.name.startswith(".")] == []


def test_copies_here_stay_within_their_size_and_come_again_from_the_bucket(machine, tmp_path):
    made = [machine().put_bytes(noise(1000 + n)) for n in range(30)]
    reader = machine(Copies(tmp_path / "small", 10_000, in_use_s=0))
    for artifact in made:
        reader.path(artifact)
        reader.path(made[0])
        assert sum(size for _, size, _ in reader.local.stored()) <= 10_000
    assert made[0] in reader.local  # the one that was used all the time
    assert made[1] not in reader.local
    assert reader.path(made[1]).read_bytes() == noise(1001)


def test_copies_that_may_be_in_use_stay(machine, tmp_path):
    reader = machine(Copies(tmp_path / "small", 2_000))
    paths = [reader.path(machine().put_bytes(noise(1000 + n))) for n in range(5)]
    assert all(path.is_file() for path in paths)


def test_a_damaged_object_is_noticed_set_aside_and_can_be_put_again(machine, server, place):
    artifact = machine().put_bytes(noise(1000))
    bucket = place.removeprefix("s3://")
    server.client().put_object(Bucket=bucket, Key=key_of(artifact), Body=noise(999) + b"x")
    reader = machine()
    with pytest.raises(StorageError, match="is damaged") as damaged:
        reader.path(artifact)
    assert damaged.value.code == "damaged_artifact"
    assert [path for path in reader.local.root.rglob("*") if path.is_file()] == []
    assert artifact not in reader
    assert objects(server, place) == [f"{PREFIX}/damaged/{artifact[7:]}"]
    assert list(reader.stored()) == []
    assert machine().put_bytes(noise(1000)) == artifact
    assert reader.path(artifact).read_bytes() == noise(1000)


def test_a_cut_off_object_is_replaced_when_it_is_put_again(machine, server, place):
    artifact = machine().put_bytes(noise(1000))
    server.client().put_object(Bucket=place.removeprefix("s3://"), Key=key_of(artifact), Body=noise(1000)[:500])
    machine().put_bytes(noise(1000))
    assert machine().path(artifact).read_bytes() == noise(1000)


def test_only_what_was_put_before_is_removed(machine):
    artifacts = machine()
    artifact = artifacts.put_bytes(b"hello")
    ((_, size, put),) = artifacts.stored()
    assert artifacts.remove(artifact, older_than=put) == 0
    assert artifacts.remove(artifact, older_than=put + 1) == size
    assert artifact not in artifacts
    assert artifacts.remove(artifact, older_than=put + 1) == 0
    with pytest.raises(NotFoundError):
        artifacts.path(artifact)


def test_anyone_can_download_with_a_signed_url_and_ranges(machine, place):
    artifacts = machine()
    artifact = artifacts.put_bytes(noise(1000))
    url = artifacts.presigned_get(artifact, 'my "sky" é.mp4', "video/mp4", seconds=60)
    assert urlsplit(url).path == f"/{place.removeprefix('s3://')}/{key_of(artifact)}"
    answer = requests.get(url, timeout=30)
    assert answer.content == noise(1000)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Disposition"] == attachment('my "sky" é.mp4')
    part = requests.get(url, headers={"Range": "bytes=10-19"}, timeout=30)
    assert (part.status_code, part.content) == (206, noise(1000)[10:20])
    with pytest.raises(NotFoundError):
        artifacts.presigned_get("sha256:" + "0" * 64, "x", "video/mp4", seconds=60)


def test_a_files_name_cannot_break_out_of_its_header():
    header = attachment('a"; filename="b\r\nX: y\\.mp4')
    assert re.fullmatch(r"""attachment; filename="[^"\\\r\n]*"; filename\*=UTF-8''[\w.%-]*""", header)


def test_signed_urls_name_the_public_endpoint(machine):
    artifacts = machine(public_endpoint="https://files.example")
    artifact = artifacts.put_bytes(b"hello")
    assert artifacts.presigned_get(artifact, "x", "text/plain", seconds=60).startswith("https://files.example/bucket-")
    assert artifacts.uploads.presigned_put(5, seconds=60)[1].startswith("https://files.example/bucket-")


def test_a_client_uploads_with_a_signed_url(machine, server, place):
    artifacts = machine()
    upload, url = artifacts.uploads.presigned_put(1000, seconds=60)
    assert "content-length" in url  # signed, so that nobody sends more than was allowed
    with pytest.raises(NotFoundError, match="no upload"):
        artifacts.uploads.accept(upload)
    requests.put(url, data=noise(1000), timeout=30).raise_for_status()
    artifact = artifacts.uploads.accept(upload)
    assert artifact == "sha256:" + hashlib.sha256(noise(1000)).hexdigest()
    assert objects(server, place) == [key_of(artifact)]
    assert machine().path(artifact).read_bytes() == noise(1000)


def test_a_client_uploads_a_large_file_in_parts(machine, server, place):
    artifacts, data = machine(), noise(20 << 20)
    parts = artifacts.uploads.begin(len(data), seconds=60)
    assert len(parts.urls) == 3
    for number in (2, 0, 1):
        piece = data[number * parts.part_bytes :][: parts.part_bytes]
        requests.put(parts.urls[number], data=piece, timeout=60).raise_for_status()
    assert objects(server, place) == []  # it cannot be seen before it is whole
    artifacts.uploads.finish(parts.id, parts.upload)
    artifact = artifacts.uploads.accept(parts.id)
    assert machine().path(artifact).read_bytes() == data


def test_uploads_that_are_too_large_or_empty_are_refused(machine, server, place):
    artifacts = machine()
    for size, code in ((0, "empty_file"), (6 * 10**9, "too_large")):
        with pytest.raises(InputError) as refused:
            artifacts.uploads.presigned_put(size, seconds=60)
        assert refused.value.code == code
    upload, url = artifacts.uploads.presigned_put(1000, seconds=60)
    requests.put(url, data=noise(1000), timeout=30).raise_for_status()
    with pytest.raises(InputError, match="1000 bytes") as refused:
        artifacts.uploads.accept(upload, max_bytes=999)
    assert refused.value.code == "too_large"
    assert objects(server, place) == []


@pytest.mark.parametrize("upload", ["", "../ab/cd", "0" * 31, "0" * 32, "studio"])
def test_an_unknown_upload_is_not_found(machine, upload):
    artifacts = machine()
    with pytest.raises(NotFoundError):
        artifacts.uploads.accept(upload)
    with pytest.raises(NotFoundError):
        artifacts.uploads.finish(upload, "x")


def test_a_file_that_changes_while_it_is_accepted_is_refused(machine):
    artifacts = machine()
    upload, url = artifacts.uploads.presigned_put(1000, seconds=60)
    requests.put(url, data=noise(1000), timeout=30).raise_for_status()
    copy = artifacts.bucket.copy

    def copy_late(*arguments: str) -> None:  # the client's URL is still good at this moment
        requests.put(url, data=noise(999) + b"x", timeout=30).raise_for_status()
        copy(*arguments)

    artifacts.bucket.copy = copy_late
    with pytest.raises(InputError) as refused:
        artifacts.uploads.accept(upload)
    assert refused.value.code == "upload_changed"
    assert list(artifacts.stored()) == []


def test_uploads_that_were_given_up_are_cleared(machine, server, place):
    artifacts = machine()
    _, url = artifacts.uploads.presigned_put(10, seconds=60)
    requests.put(url, data=noise(10), timeout=30).raise_for_status()
    kept = artifacts.put_bytes(b"an artifact is none of them")
    ((_, _, now),) = artifacts.stored()
    assert artifacts.clear_temporary(older_than=now + 3600, dry_run=False) == 0
    parts = artifacts.uploads.begin(20 << 20, seconds=60)
    requests.put(parts.urls[0], data=noise(8 << 20), timeout=60).raise_for_status()
    assert artifacts.clear_temporary(older_than=now + 25 * 3600, dry_run=True) == 2
    assert artifacts.clear_temporary(older_than=now + 25 * 3600, dry_run=False) == 2
    assert objects(server, place) == [key_of(kept)]
    with pytest.raises(NotFoundError):
        artifacts.uploads.finish(parts.id, parts.upload)


def test_what_nothing_names_is_pruned_from_the_bucket(machine, tmp_path):
    engine = connect(f"sqlite:///{tmp_path}/jobs.db")
    artifacts, jobs = machine(), JobStore(engine)
    needed, unnamed = artifacts.put_bytes(b"needed"), artifacts.put_bytes(b"named by nothing")
    jobs.create("toy", {"nodes": {"a": {"params": {"artifact": needed}}}})
    assert Cache(jobs, artifacts).prune(max_bytes=0).artifacts == 0  # they were put just now
    pruned = Cache(jobs, artifacts, grace_s=-60).prune(max_bytes=0)
    assert (pruned.artifacts, pruned.bytes) == (1, len(b"named by nothing"))
    assert (needed in artifacts, unnamed in artifacts) == (True, False)
    engine.dispose()


def test_a_server_that_is_gone_is_said_and_used_again_when_it_is_back(machine, place, monkeypatch):
    server = S3Server()
    server.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    server.bucket(place.removeprefix("s3://"))
    artifacts = machine()
    artifact = artifacts.put_bytes(b"hello")
    server.stop()
    other = machine()
    works = [
        lambda: artifacts.put_bytes(b"more"),
        lambda: other.path(artifact),
        lambda: artifact in other,
        lambda: list(artifacts.stored()),
        lambda: artifacts.uploads.begin(10, seconds=60),
    ]
    for work in works:
        with pytest.raises(StorageError, match="cannot be used") as gone:
            work()
        assert gone.value.code == "artifacts_unavailable"
        assert "AWS_ENDPOINT_URL" in gone.value.hint
    server.start()  # it has forgotten everything
    with pytest.raises(StorageError, match="no bucket"):
        artifacts.put_bytes(b"more")
    server.bucket(place.removeprefix("s3://"))
    assert artifacts.put_bytes(b"hello") == artifact
    assert other.path(artifact).read_bytes() == b"hello"
    server.stop()


def test_the_settings_choose_the_store(place, tmp_path):
    local = open_artifacts(Settings(home=tmp_path))
    assert isinstance(local, LocalArtifacts)
    remote = open_artifacts(Settings(home=tmp_path, artifacts_url=f"{place}/{PREFIX}/"))
    artifact = remote.put_bytes(b"hello")
    assert artifact in remote
    assert artifact not in local
    assert remote.path(artifact).is_relative_to(tmp_path / "copies")
    for url in ("http://bucket", "s3://", "s3://UPPER", "bucket"):
        with pytest.raises(InputError, match="no place for artifacts"):
            open_artifacts(Settings(home=tmp_path, artifacts_url=url))
